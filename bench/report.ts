import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { table } from "../src/cli/table.ts";
import { met, type Row } from "./row.ts";

/** Where and of what a result is. */
export interface Setting {
  readonly at: string;
  readonly commit: string;
  readonly machine: string;
  readonly node: string;
  readonly quick: boolean;
}

/** This machine and the commit that is checked out; `+` marks one with changes. */
export function setting(quick: boolean): Setting {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return {
    at: new Date().toISOString(),
    commit: commit(),
    machine: `${cpus().length} x ${cpu?.model.trim() ?? "unknown CPU"}, ${memory} GiB, Linux ${release()}`,
    node: process.versions.node,
    quick,
  };
}

function commit(): string {
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain") ? "+" : "");
  } catch {
    return "unknown"; // Not in a clone.
  }
}

function git(...words: string[]): string {
  const stdio: ("ignore" | "pipe")[] = ["ignore", "pipe", "ignore"];
  return execFileSync("git", words, { cwd: import.meta.dirname, stdio })
    .toString()
    .trim();
}

const HEADINGS = ["MEASURED", "TIDEWAY", "BASELINE", "RATIO", "GOAL", "MET"];

/** The table for a terminal. */
export function textTable(rows: readonly Row[]): string {
  return table(HEADINGS, rows.map(cells)).join("\n");
}

/** The page docs/performance.md. */
export function page(rows: readonly Row[], { at, commit, machine, node, quick }: Setting): string {
  const baselines = [...new Set(rows.flatMap(({ against }) => (against ? [against] : [])))];
  return [
    "# Performance",
    "",
    "Written by `npm run bench -- --write-docs`: do not edit. Everything is measured in one run on one machine, Tideway and",
    "its baseline in alternating rounds; the figures are medians of the rounds. The ratio is Tideway over its baseline and",
    "carries over to other machines better than the figures do. The load generator runs on the same machine, over loopback,",
    "with keep-alive; requests are signed and carry 1,000 distinct rows in turn.",
    "",
    `- Machine: ${machine}; Node ${node}`,
    `- Commit: ${commit}, ${at.slice(0, 10)}${quick ? ", quick run" : ""}`,
    `- Baselines: ${baselines.join("; ")}`,
    "- Model: `examples/models/breast-cancer` (ONNX, 30 features), one instance",
    "",
    line(HEADINGS.map((heading) => heading[0] + heading.slice(1).toLowerCase())),
    line(["---", "---:", "---:", "---:", "---", "---"]),
    ...rows.map((row) => line(cells(row))),
    "",
  ].join("\n");
}

function cells(row: Row): string[] {
  const { name, unit, tideway, baseline, goal } = row;
  const figure = (value: number | undefined) => (value === undefined ? "" : `${rounded(value)} ${unit}`);
  const verdict = met(row);
  return [
    name,
    figure(tideway),
    figure(baseline),
    baseline === undefined ? "" : (tideway / baseline).toFixed(2),
    goal ? wanted(row) : "",
    verdict === undefined ? "" : verdict ? "yes" : "no",
  ];
}

function wanted({ goal, unit }: Row): string {
  if (!goal) return "";
  const bound = goal.atLeast === undefined ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`;
  if (goal.of === "ratio") return `ratio ${bound}`;
  return goal.of === "difference" ? `baseline + ${goal.atMost} ${unit}` : `${bound} ${unit}`;
}

function rounded(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
