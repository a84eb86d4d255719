import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { loadXgboost } from "../../../src/model-server/trees/xgboost.ts";
import { greatestDifference, predict } from "./vector.ts";

test("the breast-cancer example answers what XGBoost answered when it was trained", async () => {
  const folder = join(import.meta.dirname, "../../../examples/models/breast-cancer-xgboost");
  const model = loadXgboost(readFileSync(join(folder, "xgboost-model")));
  const csv = readFileSync(join(folder, "rows.csv"), "utf8").trim();
  const { predictions, labels } = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
  const { values } = await predict(
    model,
    csv.split("\n").map((line) => line.split(",").map(Number)),
  );
  expect(greatestDifference(values, predictions)).toBeLessThanOrEqual(1e-6);
  const right = values.filter((value, i) => Number(value > 0.5) === labels[i]).length;
  expect(right / labels.length).toBeGreaterThan(0.9);
});
