import { ByteWriter } from "../../base/byte-writer.ts";
import type { ModelFormat, Tensor } from "../model.ts";
import { OPEN_INFERENCE_TYPES } from "./json.ts";
import { float32Text, float64Text } from "./number-text.ts";
import { writeFloat32 } from "./write-float32.ts";

const [LF, COMMA] = [10, 44];
/** Bytes that a value takes, with what follows it. */
const USUAL_VALUE = 13;

/** How an answer is to be written, beside its content type. */
export interface AnswerStyle {
  readonly format: ModelFormat;
  /** Batch transform wants a line per row where AWS's XGBoost container answers one line. */
  readonly batch: boolean;
  /** The request was of the Open Inference protocol. */
  readonly openInference: boolean;
}

/** One line per row; several outputs follow each other in the row. */
export function encodeCsv(outputs: readonly Tensor[], style: AnswerStyle): Buffer {
  if (style.format === "xgboost") return Buffer.from(xgboostCsv(outputs[0]!, style.batch));
  const count = commonRows(outputs) ?? 1;
  const values = outputs.reduce((sum, { data }) => sum + data.length, 0);
  const out = new ByteWriter(values * USUAL_VALUE);
  for (let row = 0; row < count; row++) {
    let first = true;
    for (const tensor of outputs) {
      const { type, data } = tensor;
      const size = data.length / count;
      for (let index = row * size; index < (row + 1) * size; index++) {
        if (!first) out.byte(COMMA);
        first = false;
        if (type === "float32") writeFloat32(out, data[index] as number);
        else out.text(csvValue(tensor, index));
      }
    }
    out.byte(LF);
  }
  return out.written;
}

/** `{"predictions": [...]}`, a row each: the value itself for one output, an object for several. */
export function encodeJson(outputs: readonly Tensor[], style: AnswerStyle): string {
  if (style.openInference) return openInference(outputs);
  return `{"predictions": [${jsonRows(outputs, style).join(", ")}]}`;
}

/** One row's JSON per line. */
export function encodeJsonLines(outputs: readonly Tensor[], style: AnswerStyle): string {
  return jsonRows(outputs, style)
    .map((row) => `${row}\n`)
    .join("");
}

/**
 * AWS's container joins `str(x)` of NumPy's `tolist()`: float64 digits of a float32, brackets around the classes
 * of a row, commas between rows, which its authors call invalid CSV and keep (algorithm_mode/handler_service.py).
 */
function xgboostCsv(predictions: Tensor, batch: boolean): string {
  const data = predictions.data as Float32Array;
  const perRow = data.length / Math.max(1, predictions.shape[0] ?? 1);
  const texts = range(0, data.length / perRow, (row) =>
    predictions.shape.length > 1 && perRow > 1
      ? `[${range(row * perRow, (row + 1) * perRow, (i) => float64Text(data[i]!)).join(", ")}]`
      : float64Text(data[row]!),
  );
  return batch ? texts.map((text) => `${text}\n`).join("") : texts.join(",");
}

function jsonRows(outputs: readonly Tensor[], { format }: AnswerStyle): string[] {
  const single = outputs.length === 1;
  return rows(outputs, (parts) => {
    const values = parts.map(({ tensor, from, to }) => nested(tensor, tensor.shape.slice(1), from, to));
    // The member that AWS's algorithms give a row's prediction.
    if (format === "xgboost") return `{"score": ${values[0]}}`;
    return single
      ? values[0]!
      : `{${parts.map(({ tensor }, i) => `${JSON.stringify(tensor.name)}: ${values[i]}`).join(", ")}}`;
  });
}

interface RowPart {
  readonly tensor: Tensor;
  readonly from: number;
  readonly to: number;
}

/** Outputs that do not share their first dimension make one row together. */
function rows(outputs: readonly Tensor[], write: (row: readonly RowPart[]) => string): string[] {
  const count = commonRows(outputs);
  if (count === undefined)
    return [
      write(
        outputs.map((tensor) => ({
          tensor: { ...tensor, shape: [1, ...tensor.shape] },
          from: 0,
          to: tensor.data.length,
        })),
      ),
    ];
  return range(0, count, (row) =>
    write(
      outputs.map((tensor) => {
        const size = tensor.data.length / count;
        return { tensor, from: row * size, to: (row + 1) * size };
      }),
    ),
  );
}

/** The first dimension, where all outputs share it. */
function commonRows(outputs: readonly Tensor[]): number | undefined {
  const count = outputs[0]?.shape[0] ?? 1;
  return outputs.every(({ shape }) => shape.length > 0 && shape[0] === count) ? count : undefined;
}

function nested(tensor: Tensor, shape: readonly number[], from: number, to: number): string {
  const [size, ...rest] = shape;
  if (size === undefined) return jsonValue(tensor, from);
  if (rest.length === 0) return `[${range(from, to, (i) => jsonValue(tensor, i)).join(", ")}]`;
  const step = size === 0 ? 0 : (to - from) / size;
  return `[${range(0, size, (i) => nested(tensor, rest, from + i * step, from + (i + 1) * step)).join(", ")}]`;
}

function openInference(outputs: readonly Tensor[]): string {
  const written = outputs.map(
    (tensor) =>
      `{"name": ${JSON.stringify(tensor.name)}, "shape": [${tensor.shape.join(", ")}], ` +
      `"datatype": "${OPEN_INFERENCE_TYPES.get(tensor.type)}", "data": [${range(0, tensor.data.length, (i) => jsonValue(tensor, i)).join(", ")}]}`,
  );
  return `{"model_name": "model", "outputs": [${written.join(", ")}]}`;
}

function csvValue(tensor: Tensor, index: number): string {
  const text = valueText(tensor, index);
  return tensor.type === "string" && /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** NaN and the infinities have no JSON: they become null, so that every answer can be parsed. */
function jsonValue(tensor: Tensor, index: number): string {
  const value = tensor.data[index];
  if (typeof value === "string") return JSON.stringify(value);
  if (tensor.type === "bool") return value ? "true" : "false";
  return typeof value === "number" && !Number.isFinite(value) ? "null" : valueText(tensor, index);
}

function valueText({ type, data }: Tensor, index: number): string {
  const value = data[index]!;
  if (type === "float32") return float32Text(value as number);
  if (type === "float64") return float64Text(value as number);
  if (type === "bool") return value ? "True" : "False";
  return String(value);
}

function range<T>(from: number, to: number, make: (index: number) => T): T[] {
  const made: T[] = [];
  for (let i = from; i < to; i++) made.push(make(i));
  return made;
}
