import { compare, compared } from "../compare.ts";
import { Echo } from "../echo.ts";
import type { Bench, Row } from "../row.ts";
import { distinctRows, ENDPOINT } from "../subject.ts";

/** InvokeEndpoint of a row of 30 numbers, signed, against a server that does nothing but answer. */
export async function invokeRows(bench: Bench): Promise<Row[]> {
  const tideway = bench.subject.target(ENDPOINT, "text/csv", await distinctRows(1000));
  await using echo = await Echo.of(tideway);
  const results = await compare(bench, {
    label: "invoke",
    tideway,
    baseline: echo.target(tideway),
    connections: [1, 16, 64],
    rounds: 5,
    milliseconds: 3000,
  });
  return [...results].flatMap(([connections, pair]) =>
    compared(`InvokeEndpoint csv, c=${connections}`, "bare node:http, same bytes", pair, {
      rate: connections === 64 ? { of: "ratio", atLeast: 0.55 } : undefined,
      p50: connections === 1 ? { of: "difference", atMost: 0.2 } : undefined,
      p99: undefined,
      CPU: undefined,
    }),
  );
}
