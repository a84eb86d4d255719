import { type FrameCaller, FrameServer } from "../base/frame-server.ts";
import { headOf, textsOf } from "../base/frames.ts";
import { type Answer, answerError, type Invocations, type ServerSettings } from "./invocations.ts";
import { Refusal } from "./refusal.ts";
import { UNKNOWN_PATH } from "./server.ts";

/** Invocations as frames, beside the HTTP server that answers everything else. */
export class FramesServer {
  readonly #settings: ServerSettings;
  readonly #frames: FrameServer<Answer>;
  #serving: Invocations | undefined;

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.#frames = new FrameServer({
      ask: (head, body, caller) => this.#ask(head, body, caller),
      headOf: ({ status, type }) => headOf([String(status), "content-type", type])!,
      gone: { status: 499, type: "text/plain", body: Buffer.alloc(0) },
      log: settings.log,
    });
  }

  listen(path: string): Promise<void> {
    return this.#frames.listen(path);
  }

  serve(invocations: Invocations): void {
    this.#serving = invocations;
  }

  /** Takes no new connection, and resolves when those there are have been ended by their clients and answered. */
  drain(): Promise<void> {
    return this.#frames.drain();
  }

  #ask(head: string, body: Buffer, caller: FrameCaller<Answer>): void {
    const { method, path, contentType, accept } = requestHead(head);
    try {
      if (path.split("?", 1)[0] !== "/invocations") throw new Refusal(404, UNKNOWN_PATH);
      if (method !== "POST") throw new Refusal(405, "/invocations takes POST only.");
      const { maxBodyBytes } = this.#settings;
      if (body.length > maxBodyBytes)
        throw new Refusal(413, `The body is larger than ${maxBodyBytes} bytes.`);
      if (!this.#serving) throw new Refusal(503, "The model is not loaded yet.");
      this.#serving.invoke(contentType, accept, body, caller);
    } catch (error) {
      answerError(error, caller, this.#settings);
    }
  }
}

interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
}

function requestHead(head: string): RequestHead {
  const [method = "", path = "", ...fields] = textsOf(head);
  const valueOf = (name: string) => {
    for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1];
    return undefined;
  };
  return { method, path, contentType: valueOf("content-type"), accept: valueOf("accept") };
}
