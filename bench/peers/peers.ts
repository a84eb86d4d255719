import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where a peer is to listen, and what there is for it. */
export interface Place {
  readonly port: number;
  readonly workers: number;
  /** An empty folder. */
  readonly folder: string;
}

/** Another server for models, asked to do the same work. */
export interface Peer {
  readonly name: string;
  /** Its pinned packages: a file in requirements/. */
  readonly requirements: string;
  /** The program, of those that its packages install, and its arguments. Modules of this folder are found. */
  command(place: Place): Promise<readonly string[]>;
  readonly path: string;
  readonly contentType: string;
  /** A request with this row of numbers, in what the peer speaks by nature. */
  body(row: string): string;
  /** It listens on addresses of the machine, whatever it is told: so it gets a network of its own. */
  readonly everywhere?: boolean;
  /** How many workers, and how many connections ask them; without it one per core for all. */
  readonly runs?: readonly Run[];
}

/** One start of a peer. */
export interface Run {
  readonly workers: number | "cores";
  readonly connections: readonly number[];
}

const script = (name: string) => join(import.meta.dirname, name);
const csv = { contentType: "text/csv", path: "/invocations", body: (row: string) => row };

export const FASTAPI: Peer = {
  name: "FastAPI",
  requirements: "fastapi",
  ...csv,
  command: async ({ port, workers }) =>
    `python -m uvicorn fastapi_server:app --loop uvloop --http httptools --no-access-log --log-level warning --host 127.0.0.1 --port ${port} --workers ${workers}`.split(
      " ",
    ),
  // With one connection a second worker has nothing to do.
  runs: [
    { workers: "cores", connections: [16, 64] },
    { workers: 1, connections: [1] },
  ],
};

/** Whom we compare with, in this order. */
export const PEERS: readonly Peer[] = [
  FASTAPI,
  {
    name: "LitServe",
    requirements: "litserve",
    contentType: "application/json",
    path: "/invocations",
    body: (row) => `{"input":[${row}]}`,
    command: async ({ port, workers }) => [
      "python",
      script("litserve_server.py"),
      String(port),
      String(workers),
    ],
  },
  {
    name: "MLServer",
    requirements: "mlserver",
    contentType: "application/json",
    path: "/v2/models/bench/infer",
    body: (row) => `{"inputs":[{"name":"X","shape":[1,30],"datatype":"FP32","data":[${row}]}]}`,
    command: async ({ port, workers, folder }) => {
      const settings = {
        host: "127.0.0.1",
        http_port: port,
        grpc_port: port + 1,
        metrics_port: port + 2,
        parallel_workers: workers,
        debug: false,
      };
      await writeFile(join(folder, "settings.json"), JSON.stringify(settings));
      const model = { name: "bench", implementation: "mlserver_runtime.Bench" };
      await writeFile(join(folder, "model-settings.json"), JSON.stringify(model));
      return ["mlserver", "start", folder];
    },
  },
  {
    name: "BentoML",
    requirements: "bentoml",
    contentType: "application/json",
    path: "/invocations",
    body: (row) => `{"rows":[[${row}]]}`,
    command: async ({ port }) =>
      `bentoml serve bentoml_service:Bench --host 127.0.0.1 --port ${port}`.split(" "),
  },
  {
    name: "Ray Serve",
    requirements: "ray",
    ...csv,
    command: async ({ port, workers }) => ["python", script("ray_server.py"), String(port), String(workers)],
    everywhere: true,
  },
];
