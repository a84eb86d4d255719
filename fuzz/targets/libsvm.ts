/** text/libsvm: refused as InvalidInput, or a table with the values of a slow reading. */
import type { Signature } from "../../src/model-server/codecs/fit.ts";
import { decodeLibsvm } from "../../src/model-server/codecs/libsvm.ts";
import { InvalidInput } from "../../src/model-server/model.ts";
import { attempt, type FuzzTarget, Finding, same } from "../target.ts";

const COLUMNS = 8;
const model = (format: Signature["format"]): Signature => ({
  format,
  inputs: [{ name: "x", type: "float32", shape: [-1, COLUMNS] }],
});
const MODELS = [model("xgboost"), model("lightgbm")];

export const target: FuzzTarget = {
  seeds: ["1 0:1.5 2:-3\n3:4e0 # a comment\n0 qid:7 1:2\n", "0:nan 7:-inf\r\n\n", "1:+.5\t2:0x10"],
  dictionary: ["0:", "7:", "qid:", "#", "nan", "1e-400", "Infinity", " # ", ":"],
  run(input) {
    const text = input.toString();
    for (const { format, inputs } of MODELS) {
      const { value } = attempt(() => decodeLibsvm(text, { format, inputs }), InvalidInput);
      if (!value) continue;
      const { shape, data } = value.get("x")!;
      const lines = text.trimEnd().split("\n");
      same("rows", shape[0], lines.length);
      const expected = new Float32Array(lines.length * COLUMNS).fill(format === "xgboost" ? Number.NaN : 0);
      lines.forEach((line, row) => {
        const comment = line.indexOf("#");
        for (const [, name, written] of (comment < 0 ? line : line.slice(0, comment)).matchAll(
          /(?<!\S)(\d+):(\S+)/g,
        )) {
          if (Number(name) >= COLUMNS) throw new Finding(`the column ${name}`);
          expected[row * COLUMNS + Number(name)] = Number(written);
        }
      });
      expected.forEach((one, index) => same("value", data[index], one));
    }
  },
};
