import { type AnswerStyle, encodeCsv, encodeJson, encodeJsonLines } from "./codecs/answer.ts";
import { decodeCsv } from "./codecs/csv.ts";
import type { Signature } from "./codecs/fit.ts";
import { decodeJsonLines } from "./codecs/jsonlines.ts";
import { decodeJson, isOpenInference, parseJson } from "./codecs/json.ts";
import { decodeLibsvm } from "./codecs/libsvm.ts";
import { decodeNpy, encodeNpy } from "./codecs/npy.ts";
import type { Tensor } from "./model.ts";
import { Refusal } from "./refusal.ts";

/** The content types that answers can have. */
export type AnswerType = "text/csv" | "application/json" | "application/jsonlines" | "application/x-npy";

/** A request's tensors, and the content type that its answer has if the caller does not choose. */
export interface DecodedRequest {
  readonly inputs: Map<string, Tensor>;
  readonly openInference: boolean;
}

const CSV: readonly string[] = ["text/csv", "csv"];
const JSON_TYPES: readonly string[] = ["application/json", "json"];
const JSON_LINES: readonly string[] = [
  "application/jsonlines",
  "application/x-jsonlines",
  "application/jsonl",
  "application/x-ndjson",
];
const LIBSVM: readonly string[] = ["text/libsvm", "text/x-libsvm", "libsvm"];
const NPY: readonly string[] = ["application/x-npy"];

const ANSWERS: ReadonlyMap<AnswerType, readonly string[]> = new Map([
  ["text/csv", CSV],
  ["application/json", JSON_TYPES],
  ["application/jsonlines", JSON_LINES],
  ["application/x-npy", NPY],
]);

/** What reads bodies of a Content-Type; without one it is text/csv, as in AWS's XGBoost container. */
export function requestDecoder(
  contentType: string | undefined,
  model: Signature,
): (body: Buffer) => DecodedRequest {
  const { type, parameters } = mediaType(contentType || "text/csv");
  const plain = (decode: (body: Buffer) => Map<string, Tensor>) => (body: Buffer) => ({
    inputs: decode(body),
    openInference: false,
  });
  if (CSV.includes(type)) return plain((body) => decodeCsv(body, parameters, model));
  if (JSON_TYPES.includes(type))
    return (body) => {
      const document = parseJson(body.toString("utf8"), "The body");
      return { inputs: decodeJson(document, model), openInference: isOpenInference(document) };
    };
  if (JSON_LINES.includes(type)) return plain((body) => decodeJsonLines(body.toString("utf8"), model));
  if (NPY.includes(type)) return plain((body) => decodeNpy(body, model));
  if (LIBSVM.includes(type) && model.format !== "onnx")
    return plain((body) => decodeLibsvm(body.toString("utf8"), model));
  const supported = [
    "text/csv",
    "application/json",
    "application/jsonlines",
    "application/x-npy",
    ...(model.format === "onnx" ? [] : ["text/libsvm"]),
  ];
  throw new Refusal(
    415,
    `Content type ${type.slice(0, 100)} is not supported. Supported content types are ${supported.join(", ")}.`,
  );
}

/** The answer's content type from Accept; without one, `fallback`, or else the family of the request. */
export function chooseAnswer(
  accept: string | undefined,
  contentType: string | undefined,
  fallback: string | undefined,
): AnswerType {
  const wanted = (accept || "*/*")
    .split(",")
    .map((part) => mediaType(part))
    .sort((a, b) => quality(b.parameters) - quality(a.parameters));
  for (const { type } of wanted) {
    if (type === "*/*")
      return named(fallback ?? "") ?? named(mediaType(contentType || "text/csv").type) ?? "text/csv";
    const answer = named(type);
    if (answer) return answer;
  }
  throw new Refusal(
    406,
    `Accept type ${(accept ?? "").slice(0, 100)} is not supported. Supported accept types are ${[...ANSWERS.keys()].join(", ")}.`,
  );
}

/** Writes outputs in the chosen content type. */
export function encodeAnswer(type: AnswerType, outputs: readonly Tensor[], style: AnswerStyle): Buffer {
  if (type === "text/csv") return encodeCsv(outputs, style);
  if (type === "application/json") return Buffer.from(encodeJson(outputs, style));
  if (type === "application/jsonlines") return Buffer.from(encodeJsonLines(outputs, style));
  const [only, second] = outputs;
  if (only && !second) return encodeNpy(only);
  const names = outputs.map(({ name }) => name).join(", ");
  throw new Refusal(
    406,
    `application/x-npy carries one array, but the model has the outputs ${names}: accept application/json.`,
  );
}

/** What the header of an answer says. */
export function contentTypeHeader(type: AnswerType): string {
  return type === "text/csv" ? "text/csv; charset=utf-8" : type;
}

function named(type: string): AnswerType | undefined {
  for (const [answer, names] of ANSWERS)
    if (
      names.includes(type) ||
      (type === "text/*" && answer === "text/csv") ||
      (type === "application/*" && answer === "application/json")
    )
      return answer;
  return undefined;
}

function mediaType(header: string): { type: string; parameters: Map<string, string> } {
  const [type = "", ...rest] = header.split(";").map((part) => part.trim().toLowerCase());
  return {
    type,
    parameters: new Map(
      rest.map((part) => [part.split("=")[0]!.trim(), (part.split("=")[1] ?? "").trim().replaceAll('"', "")]),
    ),
  };
}

function quality(parameters: ReadonlyMap<string, string>): number {
  const q = Number(parameters.get("q") ?? 1);
  return Number.isNaN(q) ? 1 : q;
}
