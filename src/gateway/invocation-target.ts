/** Which invocation a request line names: told from the path without parsing a URL. */

export type InvocationKind = "invoke" | "stream" | "openai";

export interface InvocationTarget {
  readonly kind: InvocationKind;
  readonly method: "GET" | "POST";
  /** Still as it was sent: percent-encoded. */
  readonly endpoint: string;
  /** Where the container is asked: `/invocations`, or `/v1/...` with its query. */
  readonly path: string;
  readonly inferenceComponent?: string;
}

const PREFIX = "/endpoints/";
const OPENAI = "openai/v1/";
const COMPONENTS = "inference-components/";

/** Undefined for everything that is not an invocation. */
export function invocationTarget(method = "", url = ""): InvocationTarget | undefined {
  if (method !== "POST" && method !== "GET") return undefined;
  if (!url.startsWith(PREFIX)) return undefined;
  const slash = url.indexOf("/", PREFIX.length);
  if (slash <= PREFIX.length) return undefined;
  const endpoint = url.slice(PREFIX.length, slash);
  const mark = url.indexOf("?");
  if (mark >= 0 && mark < slash) return undefined;
  const rest = mark < 0 ? url.slice(slash + 1) : url.slice(slash + 1, mark);
  if (method === "POST") {
    if (rest === "invocations") return { kind: "invoke", method, endpoint, path: "/invocations" };
    if (rest === "invocations-response-stream")
      return { kind: "stream", method, endpoint, path: "/invocations" };
  }
  if (rest.startsWith(OPENAI))
    return { kind: "openai", method, endpoint, path: `/${rest.slice("openai/".length)}` };
  if (!rest.startsWith(COMPONENTS)) return undefined;
  const end = rest.indexOf("/", COMPONENTS.length);
  if (end <= COMPONENTS.length || !rest.startsWith(OPENAI, end + 1)) return undefined;
  const path = rest.slice(end + "openai/".length);
  return { kind: "openai", method, endpoint, path, inferenceComponent: rest.slice(COMPONENTS.length, end) };
}
