import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Bench, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";
import { SMALL_MODEL } from "../subject.ts";

const run = promisify(execFile);
const BARE = fileURLToPath(new URL("../bare-onnx.ts", import.meta.url));

/** CreateModel, CreateEndpointConfig and CreateEndpoint to InService, against a bare process that loads the model. */
export async function deployRows({ subject, quick, note }: Bench): Promise<Row[]> {
  const rounds = quick ? 5 : 15;
  const tideway: number[] = [];
  const baseline: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const name = `deploy-${round}`;
    tideway.push(await timed(() => subject.deploy(name)));
    await subject.remove(name);
    baseline.push(await timed(() => run(process.execPath, [BARE, SMALL_MODEL])));
  }
  note(`deploy: ${rounds} rounds`);
  return [
    {
      name: "CreateModel + Config + Endpoint to InService",
      unit: "ms",
      tideway: median(tideway),
      baseline: median(baseline),
      against: "node process: onnxruntime, same model, one answer",
      spread: [spread(tideway), spread(baseline)],
      goal: { of: "value", atMost: 300 },
    },
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
