import { describe, expect, test } from "vitest";

import { loadXgboost } from "../../../src/model-server/trees/xgboost.ts";
import { greatestDifference, modelBytes, modelFiles, predict, readVector } from "./vector.ts";

describe("predictions equal XGBoost's own", () => {
  test.each(modelFiles("xgboost"))("%s", async (file, vectors) => {
    const model = loadXgboost(modelBytes(file));
    for (const name of vectors) {
      const { columns, rows, predictions } = readVector(name);
      expect(model.inputs).toEqual([{ name: "features", type: "float32", shape: [-1, columns] }]);
      const { shape, values } = await predict(model, rows);
      expect(shape).toEqual(
        Array.isArray(predictions[0]) ? [rows.length, predictions[0].length] : [rows.length],
      );
      expect(greatestDifference(values, predictions)).toBeLessThanOrEqual(1e-6);
    }
  });
});
