/**
 * Writes src/gateway/runtime-model.ts: what the SDK's package says of the runtime API, without the package. A gateway is
 * to be ready soon and small at rest, and of the package it would use the description only. A test compares the two.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as runtime from "@aws-sdk/client-sagemaker-runtime";

const OPERATION = 9;
const ERROR = -3;

/** The schemas of all operations and errors, by name. */
export function runtimeModel(): Readonly<Record<string, unknown>> {
  const schemas = Object.values(runtime)
    .filter((value) => Array.isArray(value))
    .filter(([kind]) => kind === OPERATION || kind === ERROR);
  return Object.fromEntries(schemas.map((schema) => [schema[2], plain(schema)]));
}

/** The SDK's schemas name one another by functions. */
function plain(schema: unknown): unknown {
  if (typeof schema === "function") return plain((schema as () => unknown)());
  return Array.isArray(schema) ? schema.map(plain) : schema;
}

if (import.meta.main) {
  const file = fileURLToPath(new URL("../src/gateway/runtime-model.ts", import.meta.url));
  writeFileSync(
    file,
    `/** Written by scripts/runtime-model.ts from the SDK's package: do not edit. */
export const RUNTIME_MODEL = ${JSON.stringify(runtimeModel())};
`,
  );
  execFileSync("oxfmt", [file]);
}
