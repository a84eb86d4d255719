/**
 * Runs seeds by hand: node test/simulation/main.ts --seeds 10000 --from 1
 * One run's history: node test/simulation/main.ts --seed 7 --trace
 * The same of autoscaling: --scaling
 */
import { parseArgs } from "node:util";
import { simulateScaling } from "./scaling.ts";
import { simulate } from "./simulation.ts";
import { Tally } from "./tally.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "500" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
    scaling: { type: "boolean", default: false },
  },
});
const from = Number(values.seed ?? values.from);
const seeds = values.seed === undefined ? Number(values.seeds) : 1;
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(seeds))
  throw new Error("--seeds, --from and --seed take whole numbers.");

const print = values.trace ? (line: string) => console.log(line) : undefined;
const tally = new Tally();
for (let seed = from; seed < from + seeds; seed++) {
  tally.add(
    await (values.scaling ? simulateScaling(seed, print) : simulate(seed, { ...(print && { print }) })),
  );
  if (tally.runs % 100 === 0) process.stderr.write(`\r${tally.line()}`);
}
process.stderr.write("\r");
console.log(tally.report());
if (tally.failures.length > 0) process.exitCode = 1;
