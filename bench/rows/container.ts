import { fileURLToPath } from "node:url";
import { BareServer } from "../bare-server.ts";
import { compare, compared } from "../compare.ts";
import { sequence } from "../models/sequence.ts";
import type { Bench, Row } from "../row.ts";

const CONTAINER = fileURLToPath(new URL("../echo-container.ts", import.meta.url));
const TYPE = "application/octet-stream";

/** Any container over HTTP, a kilobyte there and back, against straight to such a container. */
export async function containerRows(bench: Bench): Promise<Row[]> {
  const { subject } = bench;
  const chance = sequence(3);
  const kilobyte = () => Buffer.from(Array.from({ length: 1024 }, () => chance() * 256));
  const bodies = Array.from({ length: 1000 }, kilobyte);
  await subject.addImage("bench/echo", [process.execPath, CONTAINER, "{port}"]);
  await using _ = await subject.endpoint("container", { image: "bench/echo" });
  await using bare = await BareServer.start(CONTAINER, "0");
  const tideway = subject.target("container", TYPE, bodies);
  const { signer: _unsigned, ...unsigned } = tideway;
  const results = await compare(bench, {
    label: "container",
    tideway,
    baseline: { ...unsigned, url: bare.url, path: "/invocations", pids: () => [bare.pid] },
    connections: [1, 64],
    rounds: 5,
    milliseconds: 1500,
  });
  const row = (connections: number) => `Container over HTTP, 1 KB, c=${connections}`;
  const against = "straight to the container, unsigned";
  return [
    ...compared(row(1), against, results.get(1)!, { p50: { of: "difference", atMost: 0.15 } }),
    ...compared(row(64), against, results.get(64)!, {
      rate: { of: "ratio", atLeast: 0.5 },
      p99: undefined,
      CPU: undefined,
    }),
  ];
}
