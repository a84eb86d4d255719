/** Damaged models: each is refused, or gives a model whose run ends. */
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { InvalidModel, type Model } from "../../../src/model-server/model.ts";
import { loadLightgbm } from "../../../src/model-server/trees/lightgbm.ts";
import { loadXgboost } from "../../../src/model-server/trees/xgboost.ts";
import { modelBytes } from "./vector.ts";

const pieces = [
  "0",
  "-1",
  "9",
  "99999999",
  "-",
  ".",
  "e",
  "1e999",
  "null",
  "[]",
  "{}",
  '"',
  ",",
  "]",
  "\n",
  " ",
  "=",
  "[$L#",
  "\0",
];

/** Where (in millionths of the file), how many bytes go, and what comes instead. */
const damage = fc.record({
  at: fc.nat(999_999),
  gone: fc.oneof({ weight: 4, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.nat(2000) }),
  instead: fc.oneof(
    fc.constant(Buffer.alloc(0)),
    fc.constantFrom(...pieces).map((piece) => Buffer.from(piece)),
    fc.uint8Array({ minLength: 1, maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
  ),
});

test.each<[string, (bytes: Uint8Array) => Model]>([
  ["xgboost-missing.model.json", loadXgboost],
  ["xgboost-missing.model.ubj", loadXgboost],
  ["xgboost-dart.model.ubj", loadXgboost],
  ["xgboost-categorical-partition.model.json", loadXgboost],
  ["xgboost-categorical-partition.model.ubj", loadXgboost],
  ["xgboost-linear.model.json", loadXgboost],
  ["lightgbm-binary.model.txt", loadLightgbm],
  ["lightgbm-categorical.model.txt", loadLightgbm],
])("%s: 1,500 damaged copies", (file, load) => {
  const whole = Buffer.from(modelBytes(file));
  let refused = 0;
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
      let bytes = whole;
      for (const { at, gone, instead } of damages) {
        const start = Math.floor((at / 1e6) * bytes.length);
        bytes = Buffer.concat([bytes.subarray(0, start), instead, bytes.subarray(start + gone)]);
      }
      let model: Model;
      try {
        model = load(bytes);
      } catch (error) {
        if (!(error instanceof InvalidModel && error.message.endsWith("."))) throw error;
        refused++;
        return;
      }
      const columns = model.inputs[0]?.shape[1] ?? 0;
      for (const fill of [0, -3.5, Number.NaN]) {
        const data = new Float32Array(columns).fill(fill);
        void model.run(
          new Map([["features", { name: "features", type: "float32", shape: [1, columns], data }]]),
        );
      }
    }),
    { seed: 42, numRuns: 1500 },
  );
  expect(refused).toBeGreaterThan(100);
});
