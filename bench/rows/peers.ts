import { availableParallelism } from "node:os";
import { compare, compared, type Pair } from "../compare.ts";
import { environment } from "../peers/environment.ts";
import { PeerServer } from "../peers/peer-server.ts";
import { FASTAPI, PEERS, type Peer, type Run } from "../peers/peers.ts";
import { residentBytes } from "../processes.ts";
import type { Bench, PeerLine, Row } from "../row.ts";
import { median } from "../statistics.ts";
import { distinctRows, ENDPOINT } from "../subject.ts";

/** How many times FastAPI's rate, by connections; and its p99 is not above. */
const FASTAPI_RATES = new Map([
  [64, 3],
  [16, 2.5],
  [1, 1],
]);
const CONNECTIONS = [1, 16, 64];

/** The same model and rows on other servers, as their users run them; ours signed, theirs not. */
export async function measurePeers(bench: Bench): Promise<{ rows: Row[]; lines: PeerLine[] }> {
  const { subject, note } = bench;
  const bodies = await distinctRows(1000);
  const tideway = subject.target(ENDPOINT, "text/csv", bodies);
  const rows: Row[] = [];
  const lines: PeerLine[] = [];
  const ours: Pair["tideway"][] = CONNECTIONS.map(() => []);
  for (const peer of PEERS) {
    note(`${peer.name}: Python environment`);
    const made = await environment(peer);
    if ("missing" in made) {
      lines.push({ server: peer.name, skipped: made.missing });
      continue;
    }
    for (const run of runsOf(peer)) {
      try {
        const workers = run.workers === "cores" ? availableParallelism() : run.workers;
        await using server = await PeerServer.start(peer, made.bin, workers, bodies);
        const results = await compare(bench, {
          label: peer.name,
          tideway,
          baseline: server.target,
          connections: run.connections,
          rounds: peer === FASTAPI ? 5 : 3,
          milliseconds: 2000,
        });
        const name = `${peer.name}, ${workers} worker${workers === 1 ? "" : "s"}`;
        for (const [connections, pair] of results) {
          ours[CONNECTIONS.indexOf(connections)]?.push(...pair.tideway);
          lines.push({
            ...lineOf(name, connections, pair.baseline, server.residentBytes, server.readyMs),
            ratio: median(pair.tideway.map(rate)) / median(pair.baseline.map(rate)),
          });
          if (peer === FASTAPI) rows.push(...fastapiRows(name, connections, pair));
        }
      } catch (error) {
        lines.push({ server: peer.name, skipped: (error as Error).message.replaceAll(/\s+/g, " ") });
      }
    }
  }
  const resident = subject.pids().reduce((sum, pid) => sum + (residentBytes(pid) || 0), 0);
  const own = CONNECTIONS.flatMap((connections, index) =>
    ours[index]!.length ? [lineOf("Tideway", connections, ours[index]!, resident, subject.readyMs)] : [],
  );
  return { rows, lines: [...own, ...lines] };
}

const runsOf = ({ runs }: Peer): readonly Run[] => runs ?? [{ workers: "cores", connections: CONNECTIONS }];
const rate = ({ perSecond }: { readonly perSecond: number }) => perSecond;

function lineOf(
  server: string,
  connections: number,
  measured: Pair["tideway"],
  resident: number,
  readyMs: number,
): PeerLine {
  return {
    server,
    connections,
    perSecond: median(measured.map(rate)),
    p50: median(measured.map(({ p50 }) => p50)),
    p99: median(measured.map(({ p99 }) => p99)),
    cpuMicroseconds: median(measured.map(({ cpuMicrosecondsPerRequest }) => cpuMicrosecondsPerRequest)),
    residentMegabytes: resident / 1e6,
    readyMs,
  };
}

function fastapiRows(name: string, connections: number, pair: Pair): Row[] {
  return compared(`InvokeEndpoint csv beside FastAPI, c=${connections}`, name, pair, {
    rate: { of: "ratio", atLeast: FASTAPI_RATES.get(connections)! },
    p99: { of: "ratio", atMost: 1 },
    CPU: undefined,
  });
}
