/** The members of InvokeEndpoint's input that travel as headers: bound by the SDK's schema, held against AWS's rules. */
import { broken, type Constraint, text } from "../wire/constraint.ts";
import type { InvocationTarget } from "./invocation-target.ts";
import { RUNTIME, RuntimeError } from "./runtime-service.ts";
import { addTraceContext } from "./trace-context.ts";

/** What a caller said besides the body. */
export interface InvocationInput {
  readonly endpoint: string;
  readonly targetVariant: string | undefined;
  /** What the container gets to see, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

const NAME = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*";
const ASCII = text(0, 1024, "\\p{ASCII}*");
const PRINTABLE = "\\A\\S[\\p{Print}]*\\z";

/** Of the service's model, as botocore has it; what is empty is as good as not sent. */
export const CONSTRAINTS: Readonly<Record<string, Constraint>> = {
  EndpointName: text(0, 63, NAME),
  ContentType: ASCII,
  Accept: ASCII,
  CustomAttributes: ASCII,
  TargetModel: text(1, 1024, PRINTABLE),
  TargetVariant: text(0, 63, NAME),
  TargetContainerHostname: text(0, 63, NAME),
  InferenceId: text(1, 64, PRINTABLE),
  EnableExplanations: text(1, 64, ".*"),
  InferenceComponentName: text(0, 63, "^[a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?$"),
  SessionId: text(0, 256, "^(NEW_SESSION)$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"),
  "InvokeEndpointWithResponseStream.SessionId": text(0, 256, "^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"),
  PrefixAwareId: text(1, 64, PRINTABLE),
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
    const constraint = CONSTRAINTS[`${operation}.${member}`] ?? CONSTRAINTS[member];
    if (!constraint) throw new Error(`The runtime's member ${member} has no constraint here.`);
    found.push({ member, header, container: member === "Accept" ? "accept" : header, constraint });
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
  for (const { member, header, container, constraint } of BINDINGS[target.kind]) {
    const value = received[header];
    if (typeof value !== "string" || value === "") continue;
    inspect(member, value, constraint, wrong);
    unsupported ??= UNSUPPORTED[member]?.(endpoint);
    if (member === "TargetVariant") targetVariant = value;
    headers[container] = value;
  }
  if (wrong.length)
    throw validationError(
      `${wrong.length} validation error${wrong.length > 1 ? "s" : ""} detected: ${wrong.join("; ")}`,
    );
  if (unsupported) throw validationError(unsupported);
  addTraceContext(headers, received);
  return { endpoint, targetVariant, headers };
}

/** A caller's mistake, as the runtime says it. */
export function validationError(message: string): RuntimeError {
  return new RuntimeError("ValidationError", message);
}

function inspect(member: string, value: string, constraint: Constraint, wrong: string[]): void {
  for (const problem of broken(constraint, value)) {
    const at = member.charAt(0).toLowerCase() + member.slice(1);
    wrong.push(`Value '${value}' at '${at}' failed to satisfy constraint: ${problem}`);
  }
}

function decoded(name: string): string {
  if (!name.includes("%")) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    throw validationError("The endpoint name in the path is not properly percent-encoded.");
  }
}
