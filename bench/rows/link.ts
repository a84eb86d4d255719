import { fileURLToPath } from "node:url";
import { compare, compared } from "../compare.ts";
import type { Bench, Row } from "../row.ts";
import { distinctRows, ENDPOINT } from "../subject.ts";

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * The built-in model server behind its frames, against the same program as a user's own image: of that nothing is known
 * but the container contract, so that it is spoken to in HTTP, over a unix socket too.
 */
export async function linkRows(bench: Bench): Promise<Row[]> {
  const { subject } = bench;
  // It heeds no arguments: naming the socket says that it listens there, naming folders shows them to its sandbox.
  const named = ["{socket}", file("src"), file("node_modules"), file("package.json")];
  await subject.addImage("bench/http", [process.execPath, file("src/model-server/main.ts"), ...named]);
  await using _ = await subject.endpoint("link", { image: "bench/http", modelUrl: subject.modelUrl });
  const rows = await distinctRows(1000);
  const results = await compare(bench, {
    label: "link",
    tideway: subject.target(ENDPOINT, "text/csv", rows),
    baseline: subject.target("link", "text/csv", rows),
    connections: [64],
    rounds: 5,
    milliseconds: 2000,
  });
  return compared("Link to the instance, c=64", "the same through HTTP", results.get(64)!, {
    rate: { of: "ratio", atLeast: 2.5 },
    p99: undefined,
    CPU: undefined,
  });
}
