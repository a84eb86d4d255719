import { InvalidInput, type Tensor, type TensorInfo } from "../model.ts";
import { DECIMAL, fieldEnd, parseCsvNumbers } from "./csv-numbers.ts";
import { fitShape, fitTensor, type Signature, type Value, width } from "./fit.ts";

/** Reads text/csv: one row per line. Several inputs take their columns in the model's order. */
export function decodeCsv(
  body: Uint8Array,
  parameters: ReadonlyMap<string, string>,
  model: Signature,
): Map<string, Tensor> {
  const header = parameters.get("header") === "present";
  const rows = withoutPreamble(body, header);
  const [input] = model.inputs;
  const trees = model.format !== "onnx";
  if (model.inputs.length === 1 && (input!.type === "float32" || input!.type === "float64")) {
    const table = parseCsvNumbers(rows, input!.type === "float64", trees, header ? 2 : 1);
    const shape = fitShape(input!, [table.rows, table.columns]);
    return new Map([[input!.name, { name: input!.name, type: input!.type, shape, data: table.data }]]);
  }
  return decodeColumns(readFields(rows), model.inputs, header ? 2 : 1);
}

/** The slow way, for text, whole numbers and models with an input per column. */
function decodeColumns(
  table: readonly (readonly string[])[],
  inputs: readonly TensorInfo[],
  firstLine: number,
): Map<string, Tensor> {
  const columns = table[0]!.length;
  table.forEach((row, index) => {
    if (row.length !== columns)
      throw new InvalidInput(
        `Line ${index + firstLine} has ${row.length} values, but the lines before it have ${columns}.`,
      );
  });
  const widths = inputs.map((info) => width(info) ?? (inputs.length === 1 ? columns : Number.NaN));
  const needed = widths.reduce((sum, one) => sum + one, 0);
  if (Number.isNaN(needed))
    throw new InvalidInput(
      "The model has several inputs of free width, which CSV can not tell apart: send application/json with named inputs.",
    );
  if (needed !== columns)
    throw new InvalidInput(
      `The rows have ${columns} columns, but the model's inputs take ${needed}: ${inputs.map((info, i) => `${info.name} ${widths[i]}`).join(", ")}.`,
    );
  const tensors = new Map<string, Tensor>();
  let from = 0;
  inputs.forEach((info, index) => {
    const to = from + widths[index]!;
    const values = table.flatMap((row, line) =>
      row.slice(from, to).map((field, at) => fieldValue(field, info, line + firstLine, from + at + 1)),
    );
    tensors.set(info.name, fitTensor(info, [table.length, widths[index]!], values));
    from = to;
  });
  return tensors;
}

/** The longest that a 64-bit integer can be, with its sign. */
const INT64_DIGITS = 21;

function fieldValue(field: string, info: TensorInfo, line: number, column: number): Value {
  if (info.type === "string") return field;
  const written = field.trim();
  if (/^[+-]?\d+$/.test(written))
    return written.length > 15 && written.length <= INT64_DIGITS ? BigInt(written) : Number(written);
  if (/^(nan)$/i.test(written) && info.type.startsWith("float")) return null;
  if (info.type === "bool" && /^(true|false)$/i.test(written)) return written.toLowerCase() === "true";
  if (DECIMAL.test(written)) return Number(written);
  throw new InvalidInput(
    `Line ${line}, column ${column} is not a ${info.type}: ${JSON.stringify(written.slice(0, 60))}.`,
  );
}

function readFields(body: Uint8Array): string[][] {
  const table: string[][] = [[]];
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 10 || bytes[end - 1] === 13)) end--;
  if (end === 0) throw new InvalidInput("The body is empty: send at least one row.");
  for (let i = 0; ; i++) {
    const stop = fieldEnd(bytes, i, end);
    const field = bytes.toString("utf8", i, stop);
    table.at(-1)!.push(field.startsWith('"') ? field.trimEnd().slice(1, -1).replaceAll('""', '"') : field);
    i = stop;
    if (i >= end) return table;
    if (bytes[i] === 44) continue;
    if (bytes[i] === 13 && bytes[i + 1] === 10) i++;
    table.push([]);
  }
}

/** The body without a byte order mark and without an announced header line. */
function withoutPreamble(body: Uint8Array, header: boolean): Uint8Array {
  const rows = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
  if (!header) return rows;
  const lineEnd = rows.indexOf(10);
  return lineEnd < 0 ? rows.subarray(rows.length) : rows.subarray(lineEnd + 1);
}
