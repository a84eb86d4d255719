/**
 * W3C Trace Context (https://www.w3.org/TR/trace-context/): who follows a request through many services sends these
 * headers along. A container gets them as they came, so that its spans are the caller's children.
 */

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACESTATE = /^[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?$/;

/** Adds the caller's context, where it is one; by the standard, one that is none is as good as not sent. */
export function addTraceContext(
  to: Record<string, string>,
  { traceparent, tracestate }: Readonly<Record<string, string | string[] | undefined>>,
): void {
  if (typeof traceparent !== "string" || !TRACEPARENT.test(traceparent)) return;
  to["traceparent"] = traceparent;
  if (typeof tracestate === "string" && TRACESTATE.test(tracestate)) to["tracestate"] = tracestate;
}
