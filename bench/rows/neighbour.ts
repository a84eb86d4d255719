import { LoadGenerator } from "../load/load-generator.ts";
import type { Measured } from "../load/measure.ts";
import { compared } from "../compare.ts";
import type { Bench, Row } from "../row.ts";
import { distinctRows, ENDPOINT } from "../subject.ts";
import { uploadLargeModel } from "./large-model.ts";

/** Little enough that one core has it done by the way: what waits, waits for the neighbour. */
const PER_SECOND = 500;

/** The small model at a modest rate while a large one has all that its one instance can do, against the small one alone. */
export async function neighbourRows({ subject, load, quick, note }: Bench): Promise<Row[]> {
  const [rounds, milliseconds] = quick ? [2, 1000] : [5, 3000];
  const bodies = await distinctRows(1000);
  const model = await uploadLargeModel(subject, "neighbour");
  await using _ = await subject.endpoint("neighbour", { modelUrl: model.url });
  await using other = new LoadGenerator();
  const small = subject.target(ENDPOINT, "text/csv", bodies);
  const large = subject.target("neighbour", "text/csv", bodies);
  const alone = (milliseconds: number): Promise<Measured> =>
    load.measure({ ...small, pids: small.pids(), connections: 4, perSecond: PER_SECOND, milliseconds });
  // The neighbour is busy before and after, so that all of the small model's requests have it beside them.
  const beside = async (milliseconds: number) => {
    const busy = other.measure({ ...large, pids: [], connections: 2, milliseconds: milliseconds + 400 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const measured = await alone(milliseconds);
    await busy;
    return measured;
  };

  const results = { tideway: [] as Measured[], baseline: [] as Measured[] };
  await alone(1000);
  await beside(1000);
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (["baseline", "tideway"] as const) : (["tideway", "baseline"] as const);
    for (const who of order)
      results[who].push(await (who === "tideway" ? beside(milliseconds) : alone(milliseconds)));
    note(`neighbour: round ${round + 1} of ${rounds}`);
  }
  const name = `Small model at ${PER_SECOND} req/s beside a saturated large one`;
  return compared(name, "the small model alone", results, {
    p50: undefined,
    p99: { of: "ratio", atMost: 2 },
  });
}
