/**
 * The last routing table on disk, so that a gateway serves while control is not there. A journal: a head, then a line
 * per change. A change costs its own line; the file is written anew, to a file beside it that takes its place, when
 * most of it is outdated. It need not outlive a power cut, after which every instance is gone too: so, no fsync.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import type { EndpointRoute } from "./routing-table.ts";
import { fields, number, readRoute, text } from "./route-shape.ts";

/** One endpoint's route, or its absence, and the version of the table that brought it. */
export interface SavedRoute {
  readonly endpoint: string;
  readonly version: number;
  readonly route: EndpointRoute | undefined;
}

/** What a journal holds: of each endpoint the last that was said. */
export interface SavedTable {
  readonly version: number;
  /** Endpoints that had no route any more at this version are not told of. */
  readonly horizon: number;
  readonly routes: ReadonlyMap<string, SavedRoute>;
}

const FORMAT = "tideway-routes-1";

/**
 * Reads the journal; undefined when there is none that can be read. A last line that was not written whole is left out.
 * Where another session wrote it, the addresses of instances mean nothing any more: they are taken for pending.
 */
export function readRoutingTableFile(path: string, session: string): SavedTable | undefined {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    lines.pop(); // what comes after the last end of a line is not whole, or nothing
    const head = fields(JSON.parse(lines.shift() ?? ""), "head");
    if (head["format"] !== FORMAT) return undefined;
    const same = text(head, "session") === session;
    const horizon = number(head, "horizon");
    let version = horizon;
    const routes = new Map<string, SavedRoute>();
    for (const line of lines) {
      const saved = readLine(line);
      version = Math.max(version, saved.version);
      routes.set(saved.endpoint, same ? saved : { ...saved, route: saved.route && expected(saved.route) });
    }
    return { version, horizon, routes };
  } catch {
    return undefined;
  }
}

function readLine(line: string): SavedRoute {
  const saved = fields(JSON.parse(line), "line");
  return {
    endpoint: text(saved, "endpoint"),
    version: number(saved, "version"),
    route: saved["route"] === null ? undefined : readRoute(saved["route"]),
  };
}

/** A route whose instances are all still to come. */
function expected(route: EndpointRoute): EndpointRoute {
  const variants = route.variants.map((variant) => ({
    ...variant,
    instances: [],
    pending: Math.max(1, variant.instances.length + (variant.pending ?? 0)),
  }));
  return { ...route, variants };
}

/** A line of the journal: `json` is the route as JSON, or null. */
export function journalLine(endpoint: string, version: number, json: string): string {
  return `{"endpoint":${JSON.stringify(endpoint)},"version":${version},"route":${json}}\n`;
}

/** Writes the journal. It is small work on the page cache, done before anybody routes by it: so, synchronous. */
export class RoutingTableFile implements Disposable {
  readonly #path: string;
  readonly #session: string;
  #file: number | undefined;
  /** Lines since it was written anew. */
  lines = 0;

  constructor(path: string, session: string) {
    this.#path = path;
    this.#session = session;
  }

  /** Writes the whole of it, without endpoints that had no route any more at the horizon. What was there before is there until this is. */
  rewrite(horizon: number, lines: readonly string[]): void {
    const beside = `${this.#path}.new`;
    rmSync(beside, { force: true });
    const file = openSync(beside, "ax", 0o600);
    try {
      const head = JSON.stringify({ format: FORMAT, session: this.#session, horizon });
      writeAll(file, `${head}\n${lines.join("")}`);
      renameSync(beside, this.#path);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    this.#close();
    this.#file = file;
    this.lines = lines.length;
  }

  /** Adds lines. After an error it must be written anew, for its last line may not be whole. */
  append(lines: readonly string[]): void {
    if (this.#file === undefined) throw new Error("the routing table's file was never written");
    writeAll(this.#file, lines.join(""));
    this.lines += lines.length;
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

function writeAll(file: number, content: string): void {
  const bytes = Buffer.from(content);
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}
