import { compare, compared } from "../compare.ts";
import { Echo } from "../echo.ts";
import { boostedTrees } from "../models/boosted-trees.ts";
import type { Bench, Row } from "../row.ts";
import { distinctRows } from "../subject.ts";

/** 44,114 nodes with the rows of this benchmark. */
const FOREST = { trees: 500, depth: 6, leastRows: 24 };

/** InvokeEndpoint of a row of 30 numbers with a large XGBoost model, signed, against a server that does nothing but answer. */
export async function treesRows(bench: Bench): Promise<Row[]> {
  const { subject } = bench;
  const rows = await distinctRows(1000);
  const numbers = rows.map((row) => row.split(",").map(Number));
  const model = await subject.upload("trees", "xgboost-model", boostedTrees(numbers, FOREST));
  await using _ = await subject.endpoint("trees", { image: "tideway/xgboost", modelUrl: model.url });
  const tideway = subject.target("trees", "text/csv", rows);
  await using echo = await Echo.of(tideway);
  const results = await compare(bench, {
    label: "trees",
    tideway,
    baseline: echo.target(tideway),
    connections: [64],
    rounds: 5,
    milliseconds: 2000,
  });
  return compared("XGBoost, 500 trees, c=64", "bare node:http, same bytes", results.get(64)!, {
    rate: { of: "ratio", atLeast: 0.5 },
    p99: undefined,
    CPU: undefined,
  });
}
