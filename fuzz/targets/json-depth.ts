/** The scan that finds deep JSON before a parser does: it counts as the parser would. */
import { Fault } from "../../src/wire/http.ts";
import { refuseDeepJson } from "../../src/wire/json-depth.ts";
import { attempt, type FuzzTarget, same } from "../target.ts";

const MOST = 4;

export const target: FuzzTarget = {
  seeds: ['{"a":[1,{"b":[]}]}', '["\\"[[[[[[","\\\\",[[[[]]]]]', "[[[[[]]]]]", '{"]":"}","[":{"{":[null]}}'],
  dictionary: ['\\"', "\\\\", "[[[[", "]]]]", '"[', "\\u005b"],
  maxLength: 256,
  run(input) {
    const { refusal } = attempt(() => refuseDeepJson(input, MOST), Fault);
    let document: unknown;
    try {
      document = JSON.parse(input.toString());
    } catch {
      return;
    }
    same("too deep", refusal !== undefined, depth(document, input) > MOST);
  },
};

function depth(value: unknown, input: Buffer): number {
  if (typeof value !== "object" || value === null) return 0;
  // of a name that is given twice the parser shows one value only
  if (input.indexOf("{") >= 0) return deepest(input.toString());
  return 1 + Math.max(0, ...(value as unknown[]).map((one) => depth(one, input)));
}

function deepest(text: string): number {
  let now = 0;
  let most = 0;
  for (const bracket of text.replace(/"(?:\\.|[^"\\])*"/gs, "").match(/[[\]{}]/g) ?? []) {
    now += bracket === "[" || bracket === "{" ? 1 : -1;
    most = Math.max(most, now);
  }
  return most;
}
