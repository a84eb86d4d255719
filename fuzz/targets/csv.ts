/** text/csv: rows of numbers, equal to what Number() reads in the same fields. */
import { decodeCsv } from "../../src/model-server/codecs/csv.ts";
import type { Signature } from "../../src/model-server/codecs/fit.ts";
import { InvalidInput } from "../../src/model-server/model.ts";
import { attempt, type FuzzTarget, Finding, same } from "../target.ts";

const NUMBERS = (type: "float32" | "float64", format: Signature["format"]): Signature => ({
  format,
  inputs: [{ name: "x", type, shape: [-1, -1] }],
});
const MODELS = [NUMBERS("float32", "onnx"), NUMBERS("float64", "xgboost")];
const TEXTS: Signature = { format: "onnx", inputs: [{ name: "x", type: "string", shape: [-1, -1] }] };
const HEADER = new Map([["header", "present"]]);
const NONE = new Map<string, string>();

export const target: FuzzTarget = {
  seeds: [
    "1,2,3\n4,5,6\n",
    "-0.25,1e-3,+7\r\n.5,5.,123456789012345678\n",
    '"1","-2.5"\nnan,-inf\n',
    "\xef\xbb\xbfa,b\n1,\n",
    "0.1",
    "9007199254740993,0.000000000000001,1e309",
    '"a""b",c\n',
  ],
  dictionary: ["nan", "inf", "Infinity", "1e400", "4.9e-324", "16777217", "0.1"],
  run(input) {
    const parameters = input[0] === 0x61 ? HEADER : NONE;
    for (const model of MODELS) {
      const { value } = attempt(() => decodeCsv(input, parameters, model), InvalidInput);
      if (value) compare(input, parameters === HEADER, model, value.get("x")!);
    }
    attempt(() => decodeCsv(input, parameters, TEXTS), InvalidInput);
  },
};

/** The slow reading, for all that was accepted. */
function compare(
  input: Buffer,
  header: boolean,
  model: Signature,
  { data, shape }: { data: unknown; shape: readonly number[] },
): void {
  let text = input.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  if (header) text = text.slice(text.indexOf("\n") + 1);
  const lines = text.replace(/[\r\n]+$/, "").split(/\r\n|\r|\n/);
  // a line end inside quotes is no number, so nothing accepted holds one but around the digits
  if (text.includes('"')) return;
  const fields = lines.map((line) => line.split(","));
  same("rows", shape[0], fields.length);
  same("columns", shape[1], fields[0]!.length);
  const round = model.inputs[0]!.type === "float32" ? Math.fround : (value: number) => value;
  fields.flat().forEach((field, index) => {
    const value = (data as ArrayLike<number>)[index];
    const expected = round(reference(field.trim(), model.format));
    if (!Object.is(value, expected)) same(`field ${index} ${JSON.stringify(field)}`, value, expected);
  });
}

function reference(field: string, format: Signature["format"]): number {
  if (field === "" && format !== "onnx") return Number.NaN;
  if (/^[+-]?nan$/i.test(field)) return Number.NaN;
  if (/^[+-]?inf(inity)?$/i.test(field)) return field.startsWith("-") ? -Infinity : Infinity;
  const value = Number(field);
  if (Number.isNaN(value) || !/^[\d.e+-]+$/i.test(field))
    throw new Finding(`accepted as a number: ${JSON.stringify(field)}`);
  return value;
}
