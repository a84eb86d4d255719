import { expect, test } from "vitest";
import { addTraceContext } from "../../src/gateway/trace-context.ts";

const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

function added(received: Record<string, string>): Record<string, string> {
  const headers: Record<string, string> = {};
  addTraceContext(headers, received);
  return headers;
}

test("a trace is passed on as it came", () => {
  expect(added({ traceparent: PARENT })).toEqual({ traceparent: PARENT });
  const both = { traceparent: PARENT, tracestate: "a=1, b=2" };
  expect(added(both)).toEqual(both);
  expect(added({ accept: "text/csv" })).toEqual({});
});

test.each([
  "",
  "00",
  PARENT.toUpperCase(),
  `${PARENT}-01`,
  PARENT.replace(/^00/, "ff"),
  PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0".repeat(32)),
  PARENT.replace("b7ad6b7169203331", "0".repeat(16)),
])("what is no trace is left out, with its state: %j", (traceparent) => {
  expect(added({ traceparent, tracestate: "a=1" })).toEqual({});
});

test("a state that is too long, or can not be a header's, is left out alone", () => {
  for (const tracestate of ["a".repeat(513), "a=1\r\nb: 2", " ", "a=\u00e9"])
    expect(added({ traceparent: PARENT, tracestate })).toEqual({ traceparent: PARENT });
  expect(added({ traceparent: PARENT, tracestate: "a".repeat(512) })["tracestate"]).toHaveLength(512);
});
