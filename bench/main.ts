/**
 * `npm run bench`: Tideway beside its baselines in one run.
 * `--quick` shorter rounds, `--rows invoke,deploy` only these, `--peers` other servers too (with `--rows ""` only these),
 * `--json` the result on standard output, `--write-docs` docs/performance.md anew. The result also goes into bench/results/.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LoadGenerator } from "./load/load-generator.ts";
import { page, peersTable, setting, textTable } from "./report.ts";
import type { Bench, PeerLine, Row } from "./row.ts";
import { asyncRows } from "./rows/async.ts";
import { batchRows } from "./rows/batch.ts";
import { boto3Rows } from "./rows/boto3.ts";
import { cloudwatchRows } from "./rows/cloudwatch.ts";
import { containerRows } from "./rows/container.ts";
import { deployRows } from "./rows/deploy.ts";
import { describeRows } from "./rows/describe.ts";
import { invokeRows } from "./rows/invoke.ts";
import { linkRows } from "./rows/link.ts";
import { metricsRows } from "./rows/metrics.ts";
import { neighbourRows } from "./rows/neighbour.ts";
import { measurePeers } from "./rows/peers.ts";
import { restRows } from "./rows/rest.ts";
import { saturationRows } from "./rows/saturation.ts";
import { scalingRows } from "./rows/scaling.ts";
import { serverlessRows } from "./rows/serverless.ts";
import { tensorRows } from "./rows/tensor.ts";
import { treesRows } from "./rows/trees.ts";
import { Subject } from "./subject.ts";

const ROWS: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  invoke: invokeRows,
  trees: treesRows,
  link: linkRows,
  container: containerRows,
  saturation: saturationRows,
  neighbour: neighbourRows,
  tensor: tensorRows,
  deploy: deployRows,
  describe: describeRows,
  serverless: serverlessRows,
  async: asyncRows,
  batch: batchRows,
  boto3: boto3Rows,
  rest: restRows,
  metrics: metricsRows,
  cloudwatch: cloudwatchRows,
  scaling: scalingRows,
};

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rows: { type: "string", default: Object.keys(ROWS).join(",") },
    peers: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    "write-docs": { type: "boolean", default: false },
  },
});
const chosen = values.rows.split(",").filter(Boolean);
const unknown = chosen.filter((name) => !ROWS[name]);
if (unknown.length > 0) {
  console.error(`--rows knows ${Object.keys(ROWS).join(", ")}; not ${unknown.join(", ")}.`);
  process.exit(2);
}

const root = new URL("..", import.meta.url);
const note = (line: string) => process.stderr.write(`${line}\n`);
const about = setting(values.quick);
const rows: Row[] = [];
const peers: PeerLine[] = [];
{
  await using subject = await Subject.start();
  await using load = new LoadGenerator();
  const bench: Bench = { subject, load, quick: values.quick, note };
  for (const name of chosen) rows.push(...(await ROWS[name]!(bench)));
  if (values.peers) {
    const measured = await measurePeers(bench);
    rows.push(...measured.rows);
    peers.push(...measured.lines);
  }
}

const result = { ...about, rows, ...(peers.length && { peers }) };
mkdirSync(new URL("bench/results/", root), { recursive: true });
const file = new URL(`bench/results/${about.at.slice(0, 19).replaceAll(":", "")}.json`, root);
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
if (values["write-docs"]) writeFileSync(new URL("docs/performance.md", root), page(rows, about, peers));
const tables = [textTable(rows), ...(peers.length ? [peersTable(peers)] : [])];
console.log(
  values.json ? JSON.stringify(result) : [`${about.machine}\ncommit ${about.commit}`, ...tables].join("\n\n"),
);
note(`Written to ${fileURLToPath(file)}`);
