import { fileURLToPath } from "node:url";
import { compare, compared } from "../compare.ts";
import type { Bench, Row } from "../row.ts";
import { distinctRows, ENDPOINT, Subject } from "../subject.ts";

const HTTP = "link";
const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * The built-in model server behind its frames, against the same server that asks it in HTTP by undici; and our own HTTP
 * client between the two.
 */
export async function linkRows(bench: Bench): Promise<Row[]> {
  const { subject } = bench;
  const preload = `--import=${new URL("../use-undici.ts", import.meta.url).href}`;
  await using byUndici = await Subject.start({ NODE_OPTIONS: preload });
  await using _theirs = await overHttp(byUndici);
  await using _ours = await overHttp(subject);
  const bodies = await distinctRows(1000);
  const baseline = byUndici.target(HTTP, "text/csv", bodies);
  const against = "the same through HTTP by undici";
  const rows: Row[] = [];
  for (const [name, endpoint, atLeast] of [
    ["Link to the instance", ENDPOINT, 2.5],
    ["Own HTTP client to the instance", HTTP, undefined],
  ] as const) {
    const tideway = subject.target(endpoint, "text/csv", bodies);
    const measured = { label: endpoint, tideway, baseline, connections: [64], rounds: 5, milliseconds: 2000 };
    const pair = (await compare(bench, measured)).get(64)!;
    const goal = atLeast === undefined ? undefined : ({ of: "ratio", atLeast } as const);
    rows.push(...compared(`${name}, c=64`, against, pair, { rate: goal, p99: undefined, CPU: undefined }));
  }
  return rows;
}

/**
 * The built-in model server as a user's own image: of that nothing is known but the container contract, so that it is
 * spoken to in HTTP, over a unix socket too.
 */
async function overHttp(subject: Subject): Promise<AsyncDisposable> {
  // It heeds no arguments: naming the socket says that it listens there, naming folders shows them to its sandbox.
  const named = ["{socket}", file("src"), file("node_modules"), file("package.json")];
  await subject.addImage("bench/http", [process.execPath, file("src/model-server/main.ts"), ...named]);
  return subject.endpoint(HTTP, { image: "bench/http", modelUrl: subject.modelUrl });
}
