import { Echo } from "../echo.ts";
import type { Measured } from "../load/measure.ts";
import { familyOf } from "../processes.ts";
import type { Bench, Goal, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";
import { distinctRows, ENDPOINT } from "../subject.ts";

const AGAINST = "bare node:http, same bytes";
const CONCURRENCY = [1, 16, 64];

/** InvokeEndpoint of a row of 30 numbers, signed, against a server that does nothing but answer. */
export async function invokeRows({ subject, load, quick, note }: Bench): Promise<Row[]> {
  const bodies = await distinctRows(1000);
  await using echo = await Echo.of(subject, bodies[0]!);
  const targets = {
    tideway: { url: subject.connection.url, pids: familyOf(subject.server.pid!) },
    baseline: { url: echo.url, pids: [echo.pid] },
  };
  const measure = (target: keyof typeof targets, connections: number, milliseconds: number) =>
    load.measure({
      ...targets[target],
      path: `/endpoints/${ENDPOINT}/invocations`,
      headers: { "content-type": "text/csv", accept: "text/csv" },
      signer: subject.connection,
      bodies,
      connections,
      milliseconds,
    });

  const [rounds, milliseconds] = quick ? [3, 1000] : [5, 3000];
  for (const target of ["baseline", "tideway"] as const) await measure(target, 64, quick ? 1500 : 5000);
  const results = new Map(
    CONCURRENCY.map((c) => [c, { tideway: [] as Measured[], baseline: [] as Measured[] }]),
  );
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (["baseline", "tideway"] as const) : (["tideway", "baseline"] as const);
    for (const [connections, result] of results)
      for (const target of order) result[target].push(await measure(target, connections, milliseconds));
    note(`invoke: round ${round + 1} of ${rounds}`);
  }

  return [...results].flatMap(([connections, { tideway, baseline }]) => {
    const row = (what: string, unit: Row["unit"], figure: (one: Measured) => number, goal?: Goal): Row => {
      const [ours, theirs] = [tideway.map(figure), baseline.map(figure)];
      return {
        name: `InvokeEndpoint csv, c=${connections}: ${what}`,
        unit,
        tideway: median(ours),
        baseline: median(theirs),
        against: AGAINST,
        spread: [spread(ours), spread(theirs)],
        ...(goal ? { goal } : {}),
      };
    };
    const rate: Goal | undefined = connections === 64 ? { of: "ratio", atLeast: 0.55 } : undefined;
    const p50: Goal | undefined = connections === 1 ? { of: "difference", atMost: 0.2 } : undefined;
    return [
      row("rate", "req/s", (one) => one.perSecond, rate),
      row("p50", "ms", (one) => one.p50, p50),
      row("p99", "ms", (one) => one.p99),
      row("CPU", "µs", (one) => one.cpuMicrosecondsPerRequest),
    ];
  });
}
