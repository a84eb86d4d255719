/** What a target is sent: the event, a part of it, or a text that is made of parts of it. */
import type { Target } from "@aws-sdk/client-eventbridge";
import type { BusEvent } from "./bus-event.ts";

/** What the variables of a template tell of besides the event. */
export interface InputFacts {
  readonly ruleArn: string;
  readonly ruleName: string;
  readonly ingestedAt: number;
}

/** A target's input may be as long as an event. */
const MOST_CHARACTERS = 262_144;

/** The parts that a template is made of are together longer than any target takes. */
export class InputTooLong extends Error {
  override readonly name = "InputTooLong";
}

export function inputFor(target: Target, event: BusEvent, facts: InputFacts): string {
  const { Input, InputPath, InputTransformer: transformer } = target;
  if (Input !== undefined) return Input;
  if (InputPath !== undefined) return JSON.stringify(at(event, InputPath) ?? null);
  if (!transformer) return JSON.stringify(event);
  const paths = transformer.InputPathsMap ?? {};
  return fill(transformer.InputTemplate ?? "", (name) =>
    Object.hasOwn(paths, name) ? at(event, paths[name] ?? "") : RESERVED[name]?.(event, facts),
  );
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html */
const RESERVED: Readonly<Record<string, (event: BusEvent, facts: InputFacts) => unknown>> = {
  __proto__: null as never,
  "aws.events.rule-arn": (_, { ruleArn }) => ruleArn,
  "aws.events.rule-name": (_, { ruleName }) => ruleName,
  "aws.events.event.ingestion-time": (_, { ingestedAt }) => new Date(ingestedAt).toISOString(),
  "aws.events.event": ({ detail: _detail, ...event }) => event,
  "aws.events.event.json": (event) => event,
};

/** Why a target's input can not be made, whatever the event. */
export function badInput(target: Target): { member: string; why: string } | undefined {
  const { Input, InputPath, InputTransformer: transformer } = target;
  const given = [Input, InputPath, transformer].filter((one) => one !== undefined);
  if (given.length > 1)
    return { member: "Input", why: "Only one of Input, InputPath, or InputTransformer must be provided." };
  if (Input !== undefined && !isJson(Input)) return { member: "Input", why: "JSON is not valid." };
  if (InputPath !== undefined && !pathOf(InputPath))
    return { member: "InputPath", why: `Invalid JSON path: ${InputPath}` };
  if (!transformer) return undefined;
  const paths = transformer.InputPathsMap ?? {};
  for (const [name, path] of Object.entries(paths)) {
    if (/^aws\./i.test(name)) return { member: "InputPathsMap", why: `The name ${name} is reserved.` };
    if (!pathOf(path)) return { member: "InputPathsMap", why: `Invalid JSON path: ${path}` };
  }
  const unknown: string[] = [];
  const sample = fill(transformer.InputTemplate ?? "", (name) => {
    if (!Object.hasOwn(paths, name) && !RESERVED[name]) unknown.push(name);
    return undefined;
  });
  if (unknown.length)
    return { member: "InputTemplate", why: `Invalid variable names: ${unknown.join(", ")}` };
  if (isTemplateOfJson(sample) && !isJson(sample))
    return { member: "InputTemplate", why: "JSON is not valid." };
  return undefined;
}

const isTemplateOfJson = (template: string) => /^\s*[[{"]/.test(template);

/** Puts values in the place of `<names>`: within quotes their text, elsewhere in JSON their JSON. */
function fill(template: string, valueOf: (name: string) => unknown): string {
  const json = isTemplateOfJson(template);
  const variable = /<([\w.-]+)>/y;
  let quoted = false;
  let filled = "";
  for (let index = 0; index < template.length; index++) {
    const character = template[index] ?? "";
    if (json && quoted && character === "\\") {
      filled += character + (template[++index] ?? "");
      continue;
    }
    if (json && character === '"') quoted = !quoted;
    variable.lastIndex = index;
    const name = character === "<" ? variable.exec(template)?.[1] : undefined;
    if (name === undefined) {
      filled += character;
      continue;
    }
    index += name.length + 1;
    const value = valueOf(name);
    const text = typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
    if (!json) filled += text;
    else filled += quoted ? JSON.stringify(text).slice(1, -1) : JSON.stringify(value ?? null);
    if (filled.length > MOST_CHARACTERS)
      throw new InputTooLong(`The input of the target is longer than ${MOST_CHARACTERS} characters.`);
  }
  return filled;
}

const STEP = /\.([A-Za-z_][\w-]*)|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+)\]/y;

/** The steps of a path such as `$.detail.ProductionVariants[0].VariantName`; undefined where it is none. */
function pathOf(path: string): (string | number)[] | undefined {
  if (!path.startsWith("$")) return undefined;
  const steps: (string | number)[] = [];
  for (STEP.lastIndex = 1; STEP.lastIndex < path.length;) {
    const step = STEP.exec(path);
    if (!step) return undefined;
    steps.push(step[4] === undefined ? (step[1] ?? step[2] ?? step[3] ?? "") : Number(step[4]));
  }
  return steps;
}

function at(event: BusEvent, path: string): unknown {
  let value: unknown = event;
  for (const step of pathOf(path) ?? []) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
