import { InvalidInput, type Tensor } from "../model.ts";
import type { Signature } from "./fit.ts";
import { decodeRows, parseJson } from "./json.ts";

/** Reads application/jsonlines: each line is one row, as an element of "instances" would be. */
export function decodeJsonLines(text: string, model: Signature): Map<string, Tensor> {
  const rows: unknown[] = [];
  text.split("\n").forEach((line, index) => {
    if (line.trim() !== "") rows.push(parseJson(line, `Line ${index + 1}`));
  });
  if (rows.length === 0) throw new InvalidInput("The body is empty: send at least one line.");
  return decodeRows(rows, model);
}
