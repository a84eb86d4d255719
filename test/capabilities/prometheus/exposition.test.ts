import { expect, test } from "vitest";
import { exposition } from "../../../src/capabilities/prometheus/exposition.ts";
import type { Family } from "../../../src/telemetry/family.ts";

const families: readonly Family[] = [
  {
    name: "a_requests",
    type: "counter",
    help: "Requests.",
    samples: [{ labels: { name: 'back\\slash "quoted"\nline' }, value: 3 }],
  },
  {
    name: "a_wait_seconds",
    type: "histogram",
    help: "Wait.",
    samples: [
      { suffix: "_bucket", labels: { le: "+Inf" }, value: 2 },
      { suffix: "_sum", labels: {}, value: 0.25 },
      { suffix: "_count", labels: {}, value: 2 },
    ],
  },
  { name: "a_gauge", type: "gauge", help: "None yet.", samples: [{ labels: {}, value: -Infinity }] },
];

test("the text of Prometheus, with what names may hold escaped", () => {
  expect(exposition(families, false)).toBe(
    [
      "# HELP a_requests_total Requests.",
      "# TYPE a_requests_total counter",
      String.raw`a_requests_total{name="back\\slash \"quoted\"\nline"} 3`,
      "# HELP a_wait_seconds Wait.",
      "# TYPE a_wait_seconds histogram",
      'a_wait_seconds_bucket{le="+Inf"} 2',
      "a_wait_seconds_sum 0.25",
      "a_wait_seconds_count 2",
      "# HELP a_gauge None yet.",
      "# TYPE a_gauge gauge",
      "a_gauge -Inf",
      "",
    ].join("\n"),
  );
});

test("OpenMetrics names a counter without its suffix, tells units, and ends with a mark", () => {
  const lines = exposition(families, true).split("\n");
  expect(lines).toContain("# TYPE a_requests counter");
  expect(lines).toContain("# UNIT a_wait_seconds seconds");
  expect(lines.filter((line) => line.startsWith("a_requests_total{"))).toHaveLength(1);
  expect(lines.slice(-2)).toEqual(["# EOF", ""]);
});
