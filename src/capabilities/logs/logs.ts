/** Amazon CloudWatch Logs on this machine: what instances print, and whatever else is put. */
import type * as sdk from "@aws-sdk/client-cloudwatch-logs";
import { join } from "node:path";
import type { Account } from "../../base/arn.ts";
import type { Random } from "../../base/random.ts";
import { LogStore } from "../../telemetry/logs/log-store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { InstanceOutputs, type InstanceOutputPorts } from "./instance-output.ts";

export interface LogsOptions extends Omit<InstanceOutputPorts, "store"> {
  readonly account: Account;
  readonly dataDir: string;
  readonly random: Random;
  readonly fatal: (error: Error) => void;
}

export interface Logs extends Disposable {
  /** What answers for CloudWatch Logs. */
  handlers(): Promise<Handlers<typeof sdk, Context>>;
  /** Ends what clients wait for. */
  endWaits(): void;
}

/** Keeps what instances print from now on, and goes on where an earlier process stopped. */
export function openLogs(options: LogsOptions): Logs {
  using parts = new DisposableStack();
  const { account, dataDir, clock, random, log, fatal } = options;
  const store = parts.use(new LogStore({ file: join(dataDir, "logs.sqlite"), clock, log, fatal }));
  parts.use(new InstanceOutputs({ ...options, store }));
  const closing = new AbortController();
  const owned = parts.move();
  return {
    handlers: async () => {
      const { logsOperations } = await import("./operations.ts");
      return logsOperations({ account, store, clock, random, closing: closing.signal });
    },
    endWaits: () => closing.abort(),
    [Symbol.dispose]: () => {
      closing.abort();
      owned.dispose();
    },
  };
}
