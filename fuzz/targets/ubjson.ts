/** XGBoost's UBJSON models: refused with an InvalidModel, or a model that answers; no length is believed. */
import { InvalidModel } from "../../src/model-server/model.ts";
import { parseUbjson } from "../../src/model-server/trees/ubjson.ts";
import { loadXgboost } from "../../src/model-server/trees/xgboost.ts";
import { loadAndRun } from "../model-runs.ts";
import { attempt, type FuzzTarget } from "../target.ts";
import { target as json } from "./xgboost-json.ts";

/** A document as XGBoost writes it: numbers of an array with their type once. */
function written(value: unknown): Buffer {
  if (typeof value === "string") return Buffer.concat([Buffer.from("S"), length(value), Buffer.from(value)]);
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return Buffer.from(value ? "T" : "F");
  if (value === null) return Buffer.from("Z");
  if (!Array.isArray(value))
    return Buffer.concat([
      Buffer.from("{"),
      ...Object.entries(value as object).flatMap(([name, one]) => [
        length(name),
        Buffer.from(name),
        written(one),
      ]),
      Buffer.from("}"),
    ]);
  if (value.length && value.every((one) => typeof one === "number")) {
    const data = Buffer.alloc(4 * value.length);
    value.forEach((one: number, index) => data.writeFloatBE(one, 4 * index));
    return Buffer.concat([Buffer.from("[$d#L"), big(value.length), data]);
  }
  return Buffer.concat([Buffer.from("[#L"), big(value.length), ...value.map(written)]);
}

function number(value: number): Buffer {
  const bytes = Buffer.from("D".padEnd(9));
  bytes.writeDoubleBE(value, 1);
  return bytes;
}
function big(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}
const length = (text: string) => Buffer.concat([Buffer.from("L"), big(Buffer.byteLength(text))]);

export const target: FuzzTarget = {
  seeds: json.seeds.map((one) => written(JSON.parse(one as string))),
  dictionary: [
    "[$d#L\0\0\0\0\0\0\0\x01",
    "[$[#i\x02",
    "[$U#l\x7f\xff\xff\xff",
    "{#i\x01",
    "L\xff\xff\xff\xff\xff\xff\xff\xff",
    "[$T#l\x7f\xff\xff\xff",
    "Si\x01a",
    "N",
    "H",
  ],
  maxLength: 4096,
  run(input) {
    attempt(() => parseUbjson(input), InvalidModel);
    loadAndRun(() => loadXgboost(input));
  },
};
