import { expect, test } from "vitest";
import { page, peersTable, textTable } from "../../bench/report.ts";
import { met, type Row } from "../../bench/row.ts";
import { median, spread } from "../../bench/statistics.ts";
import { distinctRows } from "../../bench/subject.ts";

const rate: Row = {
  name: "InvokeEndpoint",
  unit: "req/s",
  tideway: 24_000,
  baseline: 40_000,
  against: "bare node:http",
  goal: { of: "ratio", atLeast: 0.55 },
};
const p50: Row = {
  ...rate,
  name: "p50",
  unit: "ms",
  tideway: 0.35,
  baseline: 0.1,
  goal: { of: "difference", atMost: 0.2 },
};
const memory: Row = { name: "memory", unit: "MB", tideway: 42.2, goal: { of: "value", atMost: 50 } };

test("a goal is of the ratio, the difference or the figure", () => {
  expect([met(rate), met(p50), met(memory)]).toEqual([true, false, true]);
  expect(met({ ...rate, tideway: Number.NaN })).toBe(false);
  expect(met({ name: "x", unit: "ms", tideway: 1 })).toBeUndefined();
});

test("the table has a line per figure, what was not measured against anything has no ratio", () => {
  expect(textTable([rate, p50, memory]).split("\n")).toEqual([
    "MEASURED        TIDEWAY       BASELINE      RATIO  GOAL               MET",
    "InvokeEndpoint  24,000 req/s  40,000 req/s  0.60   ratio ≥ 0.55       yes",
    "p50             0.35 ms       0.10 ms       3.50   baseline + 0.2 ms  no",
    "memory          42.2 MB                            ≤ 50 MB            yes",
  ]);
});

test("the page says machine and commit", () => {
  const text = page([rate], {
    at: "2026-11-22T18:00:00Z",
    commit: "abc1234",
    machine: "2 x CPU",
    node: "24.1.0",
    quick: true,
  });
  expect(text).toContain("- Machine: 2 x CPU; Node 24.1.0\n- Commit: abc1234, 2026-11-22, quick run\n");
  expect(text).toContain("| InvokeEndpoint | 24,000 req/s | 40,000 req/s | 0.60 | ratio ≥ 0.55 | yes |");
});

test("other servers have a table of their own, and those that could not be measured a reason", () => {
  const lines = [
    {
      server: "FastAPI, 2 workers",
      connections: 64,
      perSecond: 10_300,
      p50: 6,
      p99: 17,
      cpuMicroseconds: 161,
      residentMegabytes: 190,
      readyMs: 900,
      ratio: 3.009,
    },
    { server: "Ray Serve", skipped: "it does not install: no wheel" },
  ];
  expect(peersTable(lines).split("\n").slice(1)).toEqual([
    "FastAPI, 2 workers  64  10,300 req/s  6.00 ms  17.0 ms  161 µs  190 MB  900 ms  3.01 x",
    "Ray Serve: it does not install: no wheel",
  ]);
  const setting = { at: "2026-11-22T18:00:00Z", commit: "abc", machine: "2 x CPU", node: "24", quick: false };
  const text = page([rate], setting, lines);
  expect(text).toContain("| FastAPI, 2 workers | 64 | 10,300 req/s |");
  expect(text).toContain("Not measured:\n\n- Ray Serve: it does not install: no wheel\n");
  expect(page([rate], setting)).not.toContain("Other servers");
});

test("medians and spreads", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), spread([2, 4])]).toEqual([2, 2.5, 0.5]);
  expect(median([])).toBeNaN();
});

test("the rows are all different, of 30 features, and the same in every run", async () => {
  const rows = await distinctRows(1000);
  expect(new Set(rows).size).toBe(1000);
  for (const row of rows) expect(row.split(",")).toHaveLength(30);
  expect(await distinctRows(1000)).toEqual(rows);
});
