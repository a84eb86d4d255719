/** Streamed calls of built-in model servers in frames: what has a small body shares a connection, and writes, with others. */
import { Readable } from "node:stream";
import { FramedLink } from "./framed-link.ts";
import {
  type CallInstance,
  type InstanceAnswer,
  type InstanceCall,
  InputBroke,
  InstanceBroke,
} from "./instance-call.ts";

/** A longer body is streamed. */
const SMALL = 64 << 10;

/** Calls in frames where they are understood and the body is small, and as `otherwise` does all else. */
export function framedCaller(otherwise: CallInstance): CallInstance {
  const links = new Links();
  return async (call) => {
    const { address, length = Infinity } = call;
    const path = address.kind === "unix" ? address.framesPath : undefined;
    if (path === undefined || length > SMALL) return otherwise(call);
    const body = await whole(call);
    call.signal.throwIfAborted();
    return framed(links, path, call, body);
  };
}

function framed(
  links: Links,
  path: string,
  { headers, signal }: InstanceCall,
  body: Uint8Array,
): Promise<InstanceAnswer> {
  return new Promise((resolve, reject) => {
    const link = links.take(path);
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      signal.removeEventListener("abort", abort);
      links.release(path);
    };
    let answered = false;
    const fail = (error: Error) => {
      end();
      if (answered) answer.destroy(error);
      else reject(error);
    };
    const abort = () => {
      exchange.abort();
      fail(signal.reason as Error);
    };
    const answer = new Readable({
      read: () => exchange.resume(),
      destroy(error, done) {
        exchange.abort();
        end();
        done(error);
      },
    });
    // whoever reads it hears of it there
    answer.on("error", () => {});
    const exchange = link.send(
      { method: "POST", path: "/invocations", headers: Object.entries(headers).flat(), body },
      {
        onHead(status, fields) {
          answered = true;
          resolve({ status, contentType: fields["content-type"] as string | undefined, body: answer });
        },
        onData(chunk) {
          if (!answer.push(chunk)) exchange.pause();
        },
        onEnd() {
          end();
          answer.push(null);
        },
        onFailure: (sent, reason) => fail(new InstanceBroke(reason, sent)),
      },
    );
    signal.addEventListener("abort", abort, { once: true });
  });
}

async function whole({ body }: InstanceCall): Promise<Uint8Array> {
  try {
    const [first = new Uint8Array(), ...more] = await Array.fromAsync(body);
    return more.length === 0 ? first : Buffer.concat([first, ...more]);
  } catch (error) {
    throw new InputBroke((error as Error).message, { cause: error });
  }
}

/** One link to each server while there are calls on it: an instance that is gone leaves nothing behind. */
class Links {
  readonly #links = new Map<string, { readonly link: FramedLink; users: number }>();

  take(path: string): FramedLink {
    let known = this.#links.get(path);
    if (!known) this.#links.set(path, (known = { link: new FramedLink(path), users: 0 }));
    known.users++;
    return known.link;
  }

  release(path: string): void {
    const known = this.#links.get(path)!;
    if (--known.users > 0) return;
    this.#links.delete(path);
    known.link.close();
  }
}
