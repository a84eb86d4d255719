import { isUtf8 } from "node:buffer";
import type { NormalizedSchema } from "@smithy/core/schema";
import { Fault } from "./http.ts";
import { refuseDeepJson } from "./json-depth.ts";

/**
 * Refuses JSON whose brackets are not those of the schema, and text that is not UTF-8: the SDK's codec is made for
 * servers that are trusted, and would read an array as an empty structure.
 */
export function refuseMisshapenJson(schema: NormalizedSchema, body: Uint8Array): void {
  if (!isUtf8(body)) throw new Fault("SerializationException", "The request is not valid UTF-8.");
  refuseDeepJson(body);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  } catch (error) {
    throw new Fault("SerializationException", `The request is not valid JSON: ${(error as Error).message}`);
  }
  refuse(schema, value, "");
}

function refuse(schema: NormalizedSchema, value: unknown, path: string): void {
  if (value === null && path) return;
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw unexpected(path, "a list");
    for (const item of value) refuse(schema.getValueSchema(), item, `${path}.member`);
  } else if (schema.isStructSchema() || schema.isMapSchema()) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw unexpected(path, "a structure");
    if (schema.isMapSchema())
      for (const item of Object.values(value)) refuse(schema.getValueSchema(), item, `${path}.member`);
    else
      for (const [name, member] of schema.structIterator())
        if (Object.hasOwn(value, name))
          refuse(member, (value as Record<string, unknown>)[name], path ? `${path}.${name}` : name);
  }
}

const unexpected = (path: string, wanted: string) =>
  new Fault(
    "SerializationException",
    path ? `'${path}' must be ${wanted}.` : `The request must be ${wanted}.`,
  );
