import type { Connection } from "./data-folder.ts";
import { CliError, type ExitName } from "./exit-codes.ts";
import { RequestSigner } from "./sign-request.ts";

/** What `GET /_tideway/info` says. */
export interface ServerInfo {
  readonly name: string;
  readonly version: string;
  readonly region: string;
  readonly accountId: string;
}

/** An image name the server knows. */
export interface Image {
  readonly name: string;
  readonly kind: "builtin" | "script" | "command";
  readonly command?: readonly string[];
}

/** A change of an endpoint's status. */
export interface EndpointEvent {
  readonly at: string | number;
  readonly from?: string;
  readonly to: string;
  readonly reason?: string;
}

/** How far a transform job is. */
export interface TransformProgress {
  readonly state: string;
  readonly objects: { readonly done: number; readonly failed: number; readonly total?: number };
  readonly records: number;
  /** Of the input, as it is stored. */
  readonly bytes: { readonly done: number; readonly total?: number };
  readonly percent?: number;
  readonly recordsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft?: number;
}

/** Tideway's own part of the API, beside AWS's: signed like the rest. */
export class TidewayApi {
  readonly #url: string;
  readonly #signer: RequestSigner;

  constructor(connection: Connection) {
    this.#url = connection.url.replace(/\/$/, "");
    this.#signer = new RequestSigner(connection);
  }

  async info(signal?: AbortSignal): Promise<ServerInfo> {
    return (await this.#call("GET", "/_tideway/info", { signal })).json() as Promise<ServerInfo>;
  }

  async images(): Promise<readonly Image[]> {
    const { images } = (await (await this.#call("GET", "/_tideway/images")).json()) as { images: Image[] };
    return images;
  }

  async addImage(name: string, command: readonly string[]): Promise<void> {
    const body = JSON.stringify({ command });
    await this.#call("PUT", `/_tideway/images/${encodeURIComponent(name)}`, { body });
  }

  async removeImage(name: string): Promise<void> {
    await this.#call("DELETE", `/_tideway/images/${encodeURIComponent(name)}`);
  }

  async events(endpoint: string): Promise<readonly EndpointEvent[]> {
    const answer = await this.#call("GET", `/_tideway/endpoints/${encodeURIComponent(endpoint)}/events`);
    return ((await answer.json()) as { events: EndpointEvent[] }).events;
  }

  async transformJob(name: string, signal?: AbortSignal): Promise<TransformProgress> {
    const answer = await this.#call("GET", `/_tideway/transform-jobs/${encodeURIComponent(name)}`, {
      signal,
    });
    return answer.json() as Promise<TransformProgress>;
  }

  /** The lines of an endpoint's instances: what there is, and with `follow` what comes. */
  async *logs(
    endpoint: string,
    follow: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly instance: string; readonly line: string }> {
    const path = `/_tideway/endpoints/${encodeURIComponent(endpoint)}/logs?follow=${follow}`;
    const { body } = await this.#call("GET", path, { signal });
    if (!body) return;
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line) yield JSON.parse(line) as { instance: string; line: string };
    }
  }

  async #call(
    method: string,
    path: string,
    { body, signal }: { body?: string; signal?: AbortSignal | undefined } = {},
  ): Promise<Response> {
    const url = new URL(this.#url + path);
    const headers = this.#signer.headers(
      { method, url, body: body ?? "", headers: body ? { "content-type": "application/json" } : {} },
      new Date(),
    );
    delete headers["host"]; // fetch sets it, and takes no other
    const answer = await fetch(url, {
      method,
      headers,
      ...(body ? { body } : {}),
      ...(signal ? { signal } : {}),
    });
    if (!answer.ok) throw await refusal(answer, path);
    return answer;
  }
}

const EXITS: Readonly<Record<number, ExitName>> = { 400: "invalidInput", 404: "notFound", 409: "conflict" };

async function refusal(answer: Response, path: string): Promise<CliError> {
  const said = await answer.text();
  let message = `${path.split("?")[0]}: the server answered ${answer.status}`;
  try {
    const found = JSON.parse(said) as { message?: string; Message?: string };
    message = found.message ?? found.Message ?? message;
  } catch {
    // Not of our own server: the status says what there is to say.
  }
  return new CliError(EXITS[answer.status] ?? "failure", message);
}
