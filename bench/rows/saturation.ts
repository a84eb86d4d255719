import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { cpuMicroseconds } from "../processes.ts";
import type { Bench, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";
import { distinctRows } from "../subject.ts";
import { uploadLargeModel } from "./large-model.ts";

const LOOP = fileURLToPath(new URL("../bare-onnx-loop.ts", import.meta.url));

/** A large model on as many instances as there are cores, all busy, against as many bare processes that run it in a loop. */
export async function saturationRows({ subject, load, quick, note }: Bench): Promise<Row[]> {
  const cores = availableParallelism();
  const [rounds, milliseconds] = quick ? [2, 1000] : [5, 3000];
  const bodies = await distinctRows(1000);
  const model = await uploadLargeModel(subject, "saturation");
  await writeFile(`${model.file}.rows`, JSON.stringify(bodies));
  await using bare = await BareLoops.start(cores, model.file, `${model.file}.rows`);
  await using _ = await subject.endpoint("saturation", { modelUrl: model.url, instances: cores });
  const { pids, ...target } = subject.target("saturation", "text/csv", bodies);
  // Two for each instance: the next is there when one is done.
  const ask = (milliseconds: number) =>
    load.measure({ ...target, pids: pids(), connections: 2 * cores, milliseconds });

  const rates = { tideway: [] as number[], baseline: [] as number[] };
  const cpu = { tideway: [] as number[], baseline: [] as number[] };
  const turn = {
    tideway: async () => {
      const measured = await ask(milliseconds);
      rates.tideway.push(measured.perSecond);
      cpu.tideway.push(measured.cpuMicrosecondsPerRequest);
    },
    baseline: async () => {
      const measured = await bare.run(milliseconds);
      rates.baseline.push(measured.perSecond);
      cpu.baseline.push(measured.cpuMicroseconds);
    },
  };
  await ask(1000);
  await bare.run(1000);
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (["baseline", "tideway"] as const) : (["tideway", "baseline"] as const);
    for (const who of order) await turn[who]();
    note(`saturation: round ${round + 1} of ${rounds}`);
  }
  const row = (what: string, unit: Row["unit"], of: typeof rates, goal?: Row["goal"]): Row => ({
    name: `Large model, ${cores} instances on ${cores} cores: ${what}`,
    unit,
    tideway: median(of.tideway),
    baseline: median(of.baseline),
    against: "as many bare processes with onnxruntime",
    spread: [spread(of.tideway), spread(of.baseline)],
    ...(goal && { goal }),
  });
  return [row("rate", "rows/s", rates, { of: "ratio", atLeast: 0.97 }), row("CPU", "µs", cpu)];
}

/** The bare processes. */
class BareLoops implements AsyncDisposable {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  static async start(count: number, ...words: readonly string[]): Promise<BareLoops> {
    const loops = new BareLoops(Array.from({ length: count }, () => fork(LOOP, words)));
    await loops.#answers();
    return loops;
  }

  /** All at once; rows in a second of all together, CPU of one row. */
  async run(milliseconds: number): Promise<{ perSecond: number; cpuMicroseconds: number }> {
    const pids = this.#children.map(({ pid }) => pid!);
    const before = cpuMicroseconds(pids);
    const start = performance.now();
    const answers = this.#answers();
    for (const child of this.#children) child.send(milliseconds);
    const perSecond = (await answers).reduce((sum, rate) => sum + rate, 0);
    const rows = (perSecond * (performance.now() - start)) / 1000;
    return { perSecond, cpuMicroseconds: (cpuMicroseconds(pids) - before) / rows };
  }

  #answers(): Promise<number[]> {
    return Promise.all(
      this.#children.map(async (child) => {
        const exited = once(child, "exit").then(() => {
          throw new Error("A bare process with onnxruntime ended.");
        });
        exited.catch(() => {});
        const [answer] = (await Promise.race([once(child, "message"), exited])) as [number];
        return answer;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, "exit");
        child.kill();
        await exited;
      }),
    );
  }
}
