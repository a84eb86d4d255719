import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { table } from "../src/cli/table.ts";
import { met, type PeerLine, type Row } from "./row.ts";

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

const PEER_HEADINGS = ["SERVER", "C", "RATE", "P50", "P99", "CPU", "MEMORY", "READY", "TIDEWAY'S RATE"];

/** The table of other servers for a terminal, and why some are not in it. */
export function peersTable(lines: readonly PeerLine[]): string {
  const skipped = lines.flatMap((line) => ("skipped" in line ? [`${line.server}: ${line.skipped}`] : []));
  return [...table(PEER_HEADINGS, lines.flatMap(peerCells)), ...skipped].join("\n");
}

/** The page docs/performance.md. */
export function page(rows: readonly Row[], setting: Setting, peers: readonly PeerLine[] = []): string {
  const { at, commit, machine, node, quick } = setting;
  const baselines = [...new Set(rows.flatMap(({ against }) => (against ? [against] : [])))];
  return [
    "# Performance",
    "",
    "Written by `npm run bench -- --write-docs`: do not edit. Everything is measured in one run on one machine, Tideway and",
    "its baseline in alternating rounds; the figures are medians of the rounds. The ratio is Tideway over its baseline and",
    "carries over to other machines better than the figures do. The load generator runs on the same machine, over loopback,",
    "with keep-alive; requests are signed and carry 1,000 distinct rows in turn. CPU is that of all of Tideway's processes",
    "together, per request.",
    "",
    `- Machine: ${machine}; Node ${node}`,
    `- Commit: ${commit}, ${at.slice(0, 10)}${quick ? ", quick run" : ""}`,
    `- Baselines: ${baselines.join("; ")}`,
    "- Model, where none is named: `examples/models/breast-cancer` (ONNX, 30 features), one instance",
    "",
    line(HEADINGS.map((heading) => heading[0] + heading.slice(1).toLowerCase())),
    line(["---", "---:", "---:", "---:", "---", "---"]),
    ...rows.map((row) => line(cells(row))),
    "",
    ...(peers.length ? peersSection(peers) : []),
  ].join("\n");
}

function peersSection(peers: readonly PeerLine[]): string[] {
  const skipped = peers.flatMap((one) => ("skipped" in one ? [`- ${one.server}: ${one.skipped}`] : []));
  return [
    "## Other servers",
    "",
    "`npm run bench -- --peers`: the same model and rows on each, over loopback, with as many workers as cores unless said;",
    "Tideway's requests are signed, theirs are not. Each asks in what it speaks by nature (CSV, else JSON), with",
    "`bench/peers/requirements` pinned. C is the number of connections, the last column Tideway's rate over theirs in the",
    "same rounds. Memory is resident, all processes together; ready is from start to the model's first answer, of Tideway",
    "with the upload and deployment of the model.",
    "",
    line(["Server", "C", "Rate", "p50", "p99", "CPU", "Memory", "Ready", "Tideway's rate"]),
    line(["---", ...Array<string>(8).fill("---:")]),
    ...peers.flatMap(peerCells).map(line),
    "",
    ...(skipped.length ? ["Not measured:", "", ...skipped, ""] : []),
  ];
}

function peerCells(one: PeerLine): string[][] {
  if ("skipped" in one) return [];
  return [
    [
      one.server,
      String(one.connections),
      `${rounded(one.perSecond)} req/s`,
      `${rounded(one.p50)} ms`,
      `${rounded(one.p99)} ms`,
      `${rounded(one.cpuMicroseconds)} µs`,
      `${rounded(one.residentMegabytes)} MB`,
      `${rounded(one.readyMs)} ms`,
      one.ratio === undefined ? "" : `${one.ratio.toFixed(2)} x`,
    ],
  ];
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
