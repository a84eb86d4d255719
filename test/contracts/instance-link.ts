/** What the data plane relies on, whatever is spoken on the way to an instance. */
import { afterEach, describe, expect, test } from "vitest";
import type { InstanceEvents, InstanceLink } from "../../src/dataplane/instance-link.ts";

/** How an instance of the suite answers. */
export interface Reply {
  head(status: number, headers: Readonly<Record<string, string>>): void;
  /** False when it should wait for `onDrain`. */
  data(chunk: Buffer): boolean;
  onDrain(go: () => void): void;
  end(): void;
  /** The request was broken off. */
  onGone(gone: () => void): void;
}

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface LinkedInstance extends AsyncDisposable {
  readonly link: InstanceLink;
  readonly kill: () => Promise<void>;
}

/** Makes an instance that answers by a handler, and a link to it. */
export type LinkTo = (handler: (request: Received, reply: Reply) => void) => Promise<LinkedInstance>;

/** One request and what is heard of it. */
function ask(link: InstanceLink, body: string | Buffer = "hello", headers: readonly string[] = []) {
  const heard = { status: 0, headers: {} as Readonly<Record<string, unknown>>, size: 0, events: 0 };
  const chunks: Uint8Array[] = [];
  const over = Promise.withResolvers<string>();
  const events: InstanceEvents = {
    onHead(status, given) {
      heard.events++;
      heard.status = status;
      heard.headers = given;
    },
    onData(chunk) {
      heard.events++;
      heard.size += chunk.byteLength;
      chunks.push(chunk);
    },
    onEnd() {
      heard.events++;
      over.resolve(`${heard.status} ${Buffer.concat(chunks).toString("latin1")}`);
    },
    onFailure(sent, reason) {
      heard.events++;
      over.resolve(`${sent ? "sent" : "not sent"}: ${reason}`);
    },
  };
  const request = { method: "POST", path: "/invocations", headers, body: Buffer.from(body) } as const;
  return Object.assign(link.send(request, events), { heard, over: over.promise });
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

const echo = ({ body }: Received, reply: Reply) => {
  reply.head(200, { "content-type": "text/plain" });
  reply.data(body);
  reply.end();
};

/** Runs the suite. */
export function instanceLinkContract(name: string, linkTo: LinkTo): void {
  const open: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
  });
  const linked: LinkTo = async (handler) => {
    const one = await linkTo(handler);
    open.push(one);
    return one;
  };

  describe(`${name}: a link to an instance`, () => {
    test("carries method, path, headers and body, and brings status, headers and body back", async () => {
      const { link } = await linked(({ method, path, headers, body }, reply) => {
        reply.head(418, { "x-echo": `${method} ${path} ${headers["x-a"]} ${headers["accept"]}` });
        reply.data(body);
        reply.end();
      });
      const asked = ask(link, "h\u00e9", ["x-a", "1 2", "accept", "*/*"]);
      expect(await asked.over).toBe(`418 ${Buffer.from("h\u00e9").toString("latin1")}`);
      expect(asked.heard.headers).toMatchObject({ "x-echo": "POST /invocations 1 2 */*" });
    });

    test("bodies of every length arrive as they are", async () => {
      const { link } = await linked(echo);
      for (const length of [0, 1, 1024, 1025, 4096, 4097, 70_000, 3_000_000]) {
        const body = Buffer.alloc(length, "\u00e9A");
        expect(await ask(link, body).over).toBe(`200 ${body.toString("latin1")}`);
      }
    });

    test("requests of one moment each get their own answer, in whatever order", async () => {
      const held: (() => void)[] = [];
      const { link } = await linked((request, reply) => held.push(() => echo(request, reply)));
      const asked = Array.from({ length: 20 }, (_, i) => ask(link, String(i)));
      await until(() => held.length === 20);
      for (const answer of held.toReversed()) answer();
      expect(await Promise.all(asked.map(({ over }) => over))).toEqual(asked.map((_, i) => `200 ${i}`));
    });

    test("a value that would not be one value is never sent", async () => {
      let seen = 0;
      const { link } = await linked(() => seen++);
      for (const value of ["a\r\nx: y", "a\nb", "\0", "\u20ac"])
        expect(await ask(link, "a", ["x", value]).over).toMatch(/^not sent: /);
      expect(seen).toBe(0);
    });

    test("where nobody listens, nothing was sent", async () => {
      const { link, kill } = await linked(echo);
      await kill();
      expect(await ask(link).over).toMatch(/^not sent: /);
    });

    test("an instance that dies fails what it had, and only that", async () => {
      let seen = 0;
      const { link, kill } = await linked(() => seen++);
      const asked = [ask(link), ask(link), ask(link)];
      await until(() => seen === 3);
      await kill();
      for (const { over } of asked) expect(await over).toMatch(/^sent: /);
      expect(await ask(link).over).toMatch(/^not sent: /);
    });

    test("what is broken off is heard of by the instance and by nobody else; others go on", async () => {
      const gone: string[] = [];
      const held = new Map<string, () => void>();
      const { link } = await linked((request, reply) => {
        const text = request.body.toString();
        reply.onGone(() => gone.push(text));
        held.set(text, () => echo(request, reply));
      });
      const [a, b] = [ask(link, "a"), ask(link, "b")];
      await until(() => held.size === 2);
      a.abort();
      a.abort();
      await until(() => gone.length === 1);
      held.get("b")!();
      expect(await b.over).toBe("200 b");
      b.abort();
      b.pause();
      const c = ask(link, "c");
      await until(() => held.has("c"));
      held.get("c")!();
      expect(await c.over).toBe("200 c");
      expect([gone, a.heard.events]).toEqual([["a"], 0]);
    });

    test("what is broken off in its first moment is never sent", async () => {
      const seen: string[] = [];
      const { link } = await linked((request, reply) => {
        seen.push(request.body.toString());
        echo(request, reply);
      });
      ask(link, "never").abort();
      expect(await ask(link, "now").over).toBe("200 now");
      expect(seen).toEqual(["now"]);
    });

    test("an answer that is broken off from its head or its data ends there", async () => {
      const { link } = await linked((_request, reply) => {
        reply.head(200, {});
        reply.data(Buffer.alloc(3_000_000));
        reply.end();
      });
      const asked = ask(link);
      await until(() => asked.heard.size > 0);
      asked.abort();
      const { events } = asked.heard;
      expect(await ask(link).over).toHaveLength(3_000_004);
      expect(asked.heard.events).toBe(events);
    });

    test("an answer can be paused: little more comes, and all of it after resume", async () => {
      const total = 400 * 65_536;
      const { link } = await linked((_request, reply) => {
        reply.head(200, {});
        let left = 400;
        const more = (): void => {
          while (left > 0) {
            left--;
            if (!reply.data(Buffer.alloc(65_536, "x"))) return reply.onDrain(more);
          }
          reply.end();
        };
        more();
      });
      const asked = ask(link);
      await until(() => asked.heard.size > 0);
      asked.pause();
      for (let i = 0; i < 300; i++) await turn();
      expect(asked.heard.size).toBeLessThan(total / 2);
      asked.resume();
      expect(await asked.over).toHaveLength(total + 4);
    });
  });
}
