/** JSON and JSON Lines bodies: refused as InvalidInput, or the numbers of JSON.parse. */
import type { Signature } from "../../src/model-server/codecs/fit.ts";
import { decodeJson, isOpenInference, parseJson } from "../../src/model-server/codecs/json.ts";
import { decodeJsonLines } from "../../src/model-server/codecs/jsonlines.ts";
import { InvalidInput, type Tensor } from "../../src/model-server/model.ts";
import { attempt, type FuzzTarget, Finding, same } from "../target.ts";

const TABLE: Signature = { format: "onnx", inputs: [{ name: "x", type: "float32", shape: [-1, -1] }] };
const MODELS: readonly Signature[] = [
  TABLE,
  {
    format: "onnx",
    inputs: [
      { name: "a", type: "int64", shape: [-1, 2] },
      { name: "b", type: "string", shape: [-1, 1] },
      { name: "c", type: "bool", shape: [] },
    ],
  },
  { format: "xgboost", inputs: [{ name: "features", type: "uint8", shape: [-1, 2, 2] }] },
];

export const target: FuzzTarget = {
  seeds: [
    '{"instances": [[1, -2.5e3], [0.1, null]]}',
    '{"instances": [{"features": [1, 2]}, {"features": [3, 4]}]}',
    '{"inputs": {"a": [[1, 2]], "b": [["t"]], "c": true}}',
    '{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}',
    '{"inputs": [{"name": "a", "shape": [1, 2], "datatype": "INT64", "data": [1, 9007199254740993]}]}',
    "[[1, 2], [3, 4]]",
    "[1,2]\n[3,4]\n",
    '{"a": [1, 2], "b": "x"}\n',
    '{"instances": [[[1, 2], [3, 255]]]}',
  ],
  dictionary: [
    "true",
    "false",
    "null",
    "[[",
    "]]",
    "{}",
    '{"toString":1}',
    '"__proto__"',
    "1e309",
    "-0",
    "16777217",
    "\\ud800",
    "FP64",
    "BYTES",
    '"x"',
    '"b"',
  ],
  run(input) {
    const text = input.toString();
    for (const model of MODELS) {
      const { value } = attempt(() => decodeJson(parseJson(text, "The body"), model), InvalidInput);
      check(value);
      check(attempt(() => decodeJsonLines(text, model), InvalidInput).value);
      if (value && model === TABLE) compare(JSON.parse(text), value.get("x")!);
    }
    attempt(() => isOpenInference(parseJson(text, "The body")), InvalidInput);
  },
};

function check(tensors: ReadonlyMap<string, Tensor> | undefined): void {
  for (const { shape, data, name } of tensors?.values() ?? [])
    same(
      `values of ${name}`,
      data.length,
      shape.reduce((product, size) => product * size, 1),
    );
}

/** The table's values as they stand in the document, whatever names are around them. */
function compare(document: unknown, { data }: Tensor): void {
  if (Object(document).instances === undefined && !Array.isArray(document)) return;
  const leaves: number[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === "object" && value !== null) Object.values(value).forEach(walk);
    else if (typeof value === "string") throw new Finding(`a text among numbers: ${value}`);
    else leaves.push(value === null ? Number.NaN : Math.fround(Number(value)));
  };
  walk(Array.isArray(document) ? document : (document as { instances: unknown }).instances);
  same("values", data.length, leaves.length);
  leaves.forEach((leaf, index) => same("value", data[index], leaf));
}
