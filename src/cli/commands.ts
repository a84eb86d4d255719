import type { Command } from "./command.ts";
import { alarms } from "./commands/alarms.ts";
import { demo } from "./commands/demo.ts";
import { deploy } from "./commands/deploy.ts";
import { describe } from "./commands/describe.ts";
import { doctor } from "./commands/doctor.ts";
import { env } from "./commands/env.ts";
import { imageAdd, imageLs, imageRm } from "./commands/image.ts";
import { invoke } from "./commands/invoke.ts";
import { logs } from "./commands/logs.ts";
import { ls } from "./commands/ls.ts";
import { rm } from "./commands/rm.ts";
import { serve } from "./commands/serve.ts";
import { simulate } from "./commands/simulate.ts";
import { transform, transformDescribe, transformLs, transformStop } from "./commands/transform.ts";
import { version } from "./commands/version.ts";

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  demo,
  serve,
  env,
  deploy,
  invoke,
  transform,
  transformLs,
  transformDescribe,
  transformStop,
  ls,
  describe,
  logs,
  alarms,
  rm,
  imageAdd,
  imageLs,
  imageRm,
  simulate,
  doctor,
  version,
];
