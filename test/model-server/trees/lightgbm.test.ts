import { describe, expect, test } from "vitest";

import { loadLightgbm } from "../../../src/model-server/trees/lightgbm.ts";
import { greatestDifference, modelBytes, modelFiles, predict, readVector } from "./vector.ts";

describe("predictions equal LightGBM's own", () => {
  test.each(modelFiles("lightgbm"))("%s", async (file, vectors) => {
    const model = loadLightgbm(modelBytes(file));
    for (const name of vectors) {
      const { columns, rows, predictions } = readVector(name);
      expect(model.inputs).toEqual([{ name: "features", type: "float64", shape: [-1, columns] }]);
      const { shape, values } = await predict(model, rows);
      expect(shape).toEqual(
        Array.isArray(predictions[0]) ? [rows.length, predictions[0].length] : [rows.length],
      );
      expect(greatestDifference(values, predictions)).toBeLessThanOrEqual(1e-6);
    }
  });
});
