/** The members of InvokeEndpoint's input that travel as headers: bound by the SDK's schema, held against AWS's rules. */
import { ValidationError } from "@aws-sdk/client-sagemaker-runtime";
import type { InvocationTarget } from "./invocation-target.ts";
import { RUNTIME } from "./runtime-service.ts";

/** What a caller said besides the body. */
export interface InvocationInput {
  readonly endpoint: string;
  readonly targetVariant: string | undefined;
  /** What the container gets to see, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A constraint of the service's model, in words and as a test. */
interface Constraint {
  readonly min: number;
  readonly max: number;
  /** As the model writes it; it must match as a whole. */
  readonly shown: string;
  readonly pattern: RegExp;
}

const constraint = (max: number, shown: string, pattern: RegExp, min = 0): Constraint => ({
  min,
  max,
  shown,
  pattern,
});
const NAME = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*";
const NAME_TEST = /^[a-zA-Z0-9](-*[a-zA-Z0-9])*$/;
// oxlint-disable-next-line no-control-regex
const ASCII = constraint(1024, "\\p{ASCII}*", /^[\0-\x7f]*$/);
const PRINTABLE = "\\A\\S[\\p{Print}]*\\z";
const PRINTABLE_TEST = /^[!-~][ -~]*$/;

/** The service's model, as botocore has it. */
const CONSTRAINTS: Readonly<Record<string, Constraint>> = {
  EndpointName: constraint(63, NAME, NAME_TEST),
  ContentType: ASCII,
  Accept: ASCII,
  CustomAttributes: ASCII,
  TargetModel: constraint(1024, PRINTABLE, PRINTABLE_TEST, 1),
  TargetVariant: constraint(63, NAME, NAME_TEST),
  TargetContainerHostname: constraint(63, NAME, NAME_TEST),
  InferenceId: constraint(64, PRINTABLE, PRINTABLE_TEST, 1),
  EnableExplanations: constraint(64, ".*", /^.*$/, 1),
  InferenceComponentName: constraint(
    63,
    "^[a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?$",
    /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/,
  ),
  SessionId: constraint(
    256,
    "^(NEW_SESSION)$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$",
    /^(NEW_SESSION)$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$/,
  ),
  PrefixAwareId: constraint(64, PRINTABLE, PRINTABLE_TEST, 1),
};

/** What endpoints here do not do, in AWS's words where they are known. */
const UNSUPPORTED: Readonly<Record<string, (endpoint: string) => string>> = {
  // aws/amazon-sagemaker-examples#1026
  TargetModel: (endpoint) =>
    `Endpoint ${endpoint} is not a multi-model endpoint and does not support target model header.`,
  // hashicorp/terraform-provider-aws#40644
  InferenceComponentName: () =>
    "Inference Components are not supported in this Endpoint. Please make sure this endpoint can deploy inference components.",
  TargetContainerHostname: (endpoint) =>
    `Endpoint ${endpoint} does not invoke containers directly and does not support target container hostname header.`,
  SessionId: (endpoint) => `Endpoint ${endpoint} does not support stateful sessions.`,
  EnableExplanations: (endpoint) =>
    `Endpoint ${endpoint} is not configured with an explainer and does not support enable explanations header.`,
};

interface Binding {
  readonly member: string;
  /** In lower case, as node:http has it. */
  readonly header: string;
  /** What the container gets it as. */
  readonly container: string;
  readonly constraint: Constraint;
}

/** Containers hear `Accept` under its own name, whatever the operation calls it. */
function bindings(operation: string): Binding[] {
  const found: Binding[] = [];
  for (const [member, schema] of RUNTIME.operations.get(operation)!.input.structIterator()) {
    const header = schema.getMergedTraits().httpHeader?.toLowerCase();
    if (header === undefined) continue;
    const rule = CONSTRAINTS[member];
    if (!rule) throw new Error(`The runtime's member ${member} has no constraint here.`);
    found.push({ member, header, container: member === "Accept" ? "accept" : header, constraint: rule });
  }
  return found;
}

const BINDINGS = {
  invoke: bindings("InvokeEndpoint"),
  stream: bindings("InvokeEndpointWithResponseStream"),
  openai: bindings("InvokeEndpoint"),
} as const;

/** Throws a ValidationError that lists everything that is wrong. */
export function readInvocationInput(
  target: InvocationTarget,
  received: Readonly<Record<string, string | string[] | undefined>>,
): InvocationInput {
  const endpoint = decoded(target.endpoint);
  const wrong: string[] = [];
  inspect("EndpointName", endpoint, CONSTRAINTS["EndpointName"]!, wrong);
  const headers: Record<string, string> = {};
  let targetVariant: string | undefined;
  let unsupported = target.inferenceComponent ? UNSUPPORTED["InferenceComponentName"]!(endpoint) : undefined;
  for (const { member, header, container, constraint: rule } of BINDINGS[target.kind]) {
    const value = received[header];
    if (typeof value !== "string" || value === "") continue;
    inspect(member, value, rule, wrong);
    unsupported ??= UNSUPPORTED[member]?.(endpoint);
    if (member === "TargetVariant") targetVariant = value;
    headers[container] = value;
  }
  if (wrong.length)
    throw validationError(
      `${wrong.length} validation error${wrong.length > 1 ? "s" : ""} detected: ${wrong.join("; ")}`,
    );
  if (unsupported) throw validationError(unsupported);
  return { endpoint, targetVariant, headers };
}

/** A caller's mistake, as the runtime says it. */
export function validationError(message: string): ValidationError {
  return new ValidationError({ message, $metadata: {} });
}

function inspect(
  member: string,
  value: string,
  { min, max, shown, pattern }: Constraint,
  wrong: string[],
): void {
  const problem =
    value.length > max
      ? `Member must have length less than or equal to ${max}`
      : value.length < min
        ? `Member must have length greater than or equal to ${min}`
        : pattern.test(value)
          ? undefined
          : `Member must satisfy regular expression pattern: ${shown}`;
  if (problem === undefined) return;
  const at = member.charAt(0).toLowerCase() + member.slice(1);
  wrong.push(`Value '${value}' at '${at}' failed to satisfy constraint: ${problem}`);
}

function decoded(name: string): string {
  if (!name.includes("%")) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    throw validationError("The endpoint name in the path is not properly percent-encoded.");
  }
}
