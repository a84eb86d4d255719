import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Echo } from "../echo.ts";
import type { Bench, Row } from "../row.ts";
import { median } from "../statistics.ts";
import { distinctRows, ENDPOINT } from "../subject.ts";

const run = promisify(execFile);

/** What a user of boto3 sees, against boto3 itself on the bare server. Skipped, and said so, where there is no boto3. */
export async function boto3Rows({ subject, quick, note }: Bench): Promise<Row[]> {
  const hasBoto3 = await run("python3", ["-c", "import boto3"]).then(
    () => true,
    () => false,
  );
  if (!hasBoto3) {
    note("boto3: SKIPPED, python3 here has no boto3");
    return [];
  }
  const rows = await distinctRows(quick ? 500 : 3000);
  await using echo = await Echo.of(subject.target(ENDPOINT, "text/csv", rows));
  const { region, accessKeyId, secretAccessKey, url } = subject.connection;
  const script = fileURLToPath(new URL("../boto3_client.py", import.meta.url));
  const asking = run("python3", [script, ENDPOINT, region, accessKeyId, secretAccessKey, url, echo.url]);
  asking.child.stdin?.end(rows.join("\n"));
  const latencies = (await asking).stdout
    .trim()
    .split("\n")
    .map((line) => line.split(" ").map(Number));
  note(`boto3: ${rows.length} requests to each, in turn`);
  return [
    {
      name: "boto3 invoke_endpoint csv: p50",
      unit: "ms",
      tideway: median(latencies.map(([ours]) => ours!)),
      baseline: median(latencies.map(([, theirs]) => theirs!)),
      against: "boto3 on bare node:http",
      goal: { of: "ratio", atMost: 1.35 },
    },
  ];
}
