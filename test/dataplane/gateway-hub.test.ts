import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { jsonLog, silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { ControlLink } from "../../src/dataplane/control-link.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import { GatewayHub } from "../../src/dataplane/gateway-hub.ts";
import { routePublisherContract } from "../contracts/route-publisher.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { endpoint, invocation, variant } from "./routing.ts";
import { echo, httpInstance } from "./test-instance.ts";
import { keeper } from "../support/keep.ts";

/** Control's and gateways' ends of the link, in a folder of their own. */
class Site implements AsyncDisposable {
  readonly dir: string;
  readonly file: string;
  readonly socketPath: string;
  readonly failures: string[] = [];
  readonly demand: string[] = [];
  readonly #parts = new AsyncDisposableStack();
  session = "session-1";
  /** When control starts without a file, versions begin here. */
  now = 0;
  hub!: GatewayHub;

  private constructor(dir: string) {
    this.dir = dir;
    this.file = join(dir, "routes");
    this.socketPath = join(dir, "control.sock");
  }

  static async start(...alive: string[]): Promise<Site> {
    const site = new Site(await mkdtemp(join(tmpdir(), "tideway-hub-")));
    await site.startControl(...alive);
    return site;
  }

  async startControl(...alive: string[]): Promise<GatewayHub> {
    const { socketPath, file, session } = this;
    const onInstanceFailure = (id: string, failure: string) => void this.failures.push(`${id} ${failure}`);
    this.hub = await GatewayHub.open({
      socketPath,
      file,
      session,
      clock: { ...systemClock, now: () => this.now },
      log: silentLog,
      onInstanceFailure,
      onDemand: (fleet, workers) => void this.demand.push(`${fleet} ${workers}`),
    });
    if (alive.length) this.hub.alive(alive);
    return this.hub;
  }

  async gateway(
    id: string,
    patienceMs = 50,
  ): Promise<{ dataPlane: DataPlane; link: ControlLink; taken: string[] }> {
    const taken: string[] = [];
    const dataPlane = this.#parts.use(
      createDataPlane({
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        limits: { readyWaitMs: 20 },
      }),
    );
    const seen: DataPlane = {
      ...dataPlane,
      route: (table) => (
        taken.push(`whole ${table.version}: ${table.endpoints.length}`),
        dataPlane.route(table)
      ),
      reroute: (change) => (
        taken.push(`${change.version}: ${change.changes.length}`),
        dataPlane.reroute(change)
      ),
    };
    const { socketPath, file, session } = this;
    const link = this.#parts.use(
      new ControlLink({
        socketPath,
        file,
        session,
        id,
        dataPlane: seen,
        clock: systemClock,
        log: silentLog,
        patienceMs,
      }),
    );
    await link.start();
    return { dataPlane, link, taken };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
    await this.hub[Symbol.asyncDispose]();
    await rm(this.dir, { recursive: true, force: true });
  }
}

const keep = keeper();

const named = (name: string, fleet = `${name}-fleet`) => endpoint([variant([], { fleet })], { name });
const settled = async (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => "settled"), new Promise((resolve) => setTimeout(resolve, 30, "pending"))]);
const kindOf = async (dataPlane: DataPlane, name: string) =>
  (await dataPlane.invoke(invocation({ endpoint: name }))).kind;

routePublisherContract("two gateways over a socket", async () => {
  const site = await Site.start("one", "two");
  const gateways = [await site.gateway("one"), await site.gateway("two")];
  return {
    publisher: site.hub,
    dataPlanes: gateways.map(({ dataPlane }) => dataPlane),
    close: () => site[Symbol.asyncDispose](),
  };
});

describe("which gateways are waited for", () => {
  test("those that live and have not come yet; not those that died", async () => {
    const site = keep(await Site.start());
    const published = site.hub.publish("a", named("a"));
    expect(await settled(published)).toBe("pending");
    site.hub.alive(["one", "two"]);
    await site.gateway("one");
    expect(await settled(published)).toBe("pending");
    expect(await site.hub.drained("a-fleet", 0)).toBe(1);
    site.hub.alive(["one"]);
    await published;
    expect(await site.hub.drained("a-fleet", 0)).toBe(0);
  });

  test("who keeps a route waiting is told once, by name", async () => {
    const dir = await mkdtemp(join(tmpdir(), "tideway-hub-"));
    const clock = new FakeClock();
    const lines: string[] = [];
    const hub = keep(
      await GatewayHub.open({
        socketPath: join(dir, "s"),
        file: join(dir, "routes"),
        session: "session",
        clock,
        log: jsonLog((line) => lines.push(line)),
      }),
    );
    keep({ [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) });
    hub.alive(["one", "two"]);
    const published = hub.publish("a", named("a"));
    await clock.advance(4000);
    expect(lines).toEqual([]);
    await clock.advance(20_000);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: "warn", endpoint: "a", gateways: ["one", "two"] },
    ]);
    hub.alive([]);
    await published;
    expect(clock.pending).toBe(0);
  });

  test("one whose connection is gone, until it is back or known to be dead", async () => {
    const site = keep(await Site.start("one"));
    const { link } = await site.gateway("one");
    await site.hub.publish("a", named("a"));
    link[Symbol.dispose]();
    await expect.poll(() => site.hub.drained("a-fleet", 0)).toBe(1);
    const published = site.hub.publish("b", named("b"));
    expect(await settled(published)).toBe("pending");
    const { dataPlane } = await site.gateway("one");
    await published;
    expect(await kindOf(dataPlane, "b")).toBe("no-capacity");
  });

  test("one that is connected, though nobody has said yet that it lives", async () => {
    const site = keep(await Site.start("one"));
    await site.gateway("one");
    const { taken } = await site.gateway("two");
    await site.hub.publish("a", named("a"));
    expect(taken).toEqual(["whole 0: 0", "0: 0", "1: 1"]);
  });

  test("a gateway without gateways to wait for is no reason to wait", async () => {
    const site = keep(await Site.start());
    site.hub.alive([]);
    await site.hub.publish("a", named("a"));
    expect(await site.hub.drained("a-fleet", 0)).toBe(0);
  });

  test("control that stops lets nobody wait for ever", async () => {
    const site = keep(await Site.start("never"));
    const published = site.hub.publish("a", named("a"));
    const counted = site.hub.drained("a-fleet", 60_000);
    const ends = Promise.allSettled([published, counted]);
    await site.hub[Symbol.asyncDispose]();
    const reason = new Error("Control is stopping.");
    expect(await ends).toEqual([
      { status: "rejected", reason },
      { status: "rejected", reason },
    ]);
    await expect(site.hub.publish("b", named("b"))).rejects.toThrow("Control is stopping.");
  });
});

describe("what is sent and written", () => {
  test("only what is new, and what is said in one turn at once", async () => {
    const site = keep(await Site.start("one"));
    const { taken } = await site.gateway("one");
    await Promise.all(["a", "b", "c"].map((name) => site.hub.publish(name, named(name))));
    for (let i = 0; i < 3; i++) await site.hub.publish("b", named("b"));
    await site.hub.publish("B", named("b"));
    const before = readFileSync(site.file, "utf8");
    await site.hub.publish("b", named("b", "another"));
    await site.hub.publish("c", undefined);
    expect(taken).toEqual(["whole 0: 0", "0: 0", "1: 3", "2: 1", "3: 1"]);
    expect(readFileSync(site.file, "utf8").slice(before.length).trim().split("\n")).toHaveLength(2);
  });

  test("a table of 10,000 endpoints reaches a new gateway whole, a change of one of them alone", async () => {
    const site = keep(await Site.start());
    site.hub.alive([]);
    await Promise.all(Array.from({ length: 10_000 }, (_, i) => site.hub.publish(`e-${i}`, named(`e-${i}`))));
    const size = readFileSync(site.file).length;
    const { taken, dataPlane } = await site.gateway("one");
    // from the file, and nothing more from control
    expect(taken).toEqual(["whole 1: 10000", "1: 0"]);
    for (let i = 0; i < 100; i++) await site.hub.publish(`e-${i}`, named(`e-${i}`, "next"));
    expect(taken).toHaveLength(102);
    expect(readFileSync(site.file).length - size).toBeLessThan(100 * 500);
    await rm(site.file);
    const late = await site.gateway("late");
    expect(late.taken).toEqual(["101: 10000"]);
    expect(await kindOf(late.dataPlane, "e-9999")).toBe(await kindOf(dataPlane, "e-9999"));
  });

  test("the file is written anew when most of it is outdated, and a gateway behind that gets the whole table", async () => {
    const site = keep(await Site.start("one"));
    const { taken, link, dataPlane } = await site.gateway("one");
    await site.hub.publish("kept", named("kept"));
    await site.hub.publish("gone", named("gone"));
    link[Symbol.dispose]();
    site.hub.alive([]);
    await site.hub.publish("gone", undefined);
    for (let i = 0; i < 1100; i++) await site.hub.publish("kept", named("kept", `fleet-${i}`));
    expect(readFileSync(site.file, "utf8").split("\n").length).toBeLessThan(200);
    expect(taken).toEqual(["whole 0: 0", "0: 0", "1: 1", "2: 1"]);
    const { socketPath } = site;
    const again = new ControlLink({
      socketPath,
      file: join(site.dir, "none"),
      session: "",
      id: "one",
      dataPlane,
      clock: systemClock,
      log: silentLog,
    });
    await again.start();
    expect(await kindOf(dataPlane, "gone")).toBe("unknown-endpoint");
    again[Symbol.dispose]();
  });

  test("a file that can not be written stops no routing", async () => {
    const site = keep(await Site.start("one"));
    const { dataPlane } = await site.gateway("one");
    await site.hub[Symbol.asyncDispose]();
    site.hub = await GatewayHub.open({
      socketPath: site.socketPath,
      file: join(site.dir, "no-folder", "routes"),
      session: site.session,
      clock: systemClock,
      log: silentLog,
    });
    site.hub.alive(["one"]);
    await site.hub.publish("a", named("a"));
    expect(await kindOf(dataPlane, "a")).toBe("no-capacity");
  });
});

describe("control that is started again", () => {
  test("goes on from the file: the other endpoints stay, versions grow, gateways get nothing twice", async () => {
    const site = keep(await Site.start("one"));
    const { taken, dataPlane } = await site.gateway("one");
    await site.hub.publish("a", named("a"));
    await site.hub.publish("b", named("b"));
    await site.hub[Symbol.asyncDispose]();
    const hub = await site.startControl("one");
    await hub.publish("c", named("c"));
    await hub.publish("a", named("a"));
    expect(taken.filter((one) => !one.endsWith(" 0"))).toEqual(["1: 1", "2: 1", "3: 1"]);
    hub.prune(["C", "A"]);
    await hub.publish("b", undefined);
    expect(await kindOf(dataPlane, "b")).toBe("unknown-endpoint");
    expect(await kindOf(dataPlane, "a")).toBe("no-capacity");
  });

  test.each([
    ["later", 1_000_000],
    ["at a time that was before", 0],
  ])("and has lost its file, %s: its table becomes the newest for every gateway", async (_, now) => {
    const site = keep(await Site.start("one", "two"));
    const one = await site.gateway("one");
    const two = await site.gateway("two");
    await site.hub.publish("a", named("a"));
    await site.hub.publish("b", named("b"));
    await site.hub[Symbol.asyncDispose]();
    await rm(site.file);
    site.now = now;
    const hub = await site.startControl("one", "two");
    // long after the gateways came back
    await hub.publish("c", named("c"));
    await hub.publish("b", named("b"));
    await hub.publish("a", undefined);
    for (const { dataPlane } of [one, two]) {
      expect(await kindOf(dataPlane, "a")).toBe("unknown-endpoint");
      expect(await kindOf(dataPlane, "b")).toBe("no-capacity");
    }
  });

  test("a request fails at no restart of control, and each of 20 controls changes the routes", async () => {
    const site = keep(await Site.start("one", "two"));
    const gateways = [await site.gateway("one"), await site.gateway("two")];
    let old = keep(await httpInstance(echo));
    await site.hub.publish("Iris", endpoint([variant([old.route], { fleet: "fleet-0" })]));
    const stopping = new AbortController();
    const kinds: Record<string, number> = {};
    const clients = Array.from({ length: 4 }, async (_, index) => {
      while (!stopping.signal.aborted) {
        const { kind } = await gateways[index % 2]!.dataPlane.invoke(invocation());
        kinds[kind] = (kinds[kind] ?? 0) + 1;
      }
    });
    for (let i = 1; i <= 20; i++) {
      const fresh = keep(await httpInstance(echo));
      const route = endpoint([variant([fresh.route], { fleet: `fleet-${i}` })]);
      // some die while they publish
      const broken = i % 3 === 0 ? site.hub.publish("Iris", route).catch(() => {}) : undefined;
      if (i % 2) await new Promise((resolve) => setImmediate(resolve));
      await site.hub[Symbol.asyncDispose]();
      await broken;
      const hub = await site.startControl("one", "two");
      await hub.publish("Iris", route);
      expect(await hub.drained(`fleet-${i - 1}`, 10_000)).toBe(0);
      await old.kill();
      old = fresh;
    }
    stopping.abort();
    await Promise.all(clients);
    console.log(`20 restarts of control: ${JSON.stringify(kinds)}`);
    expect(Object.keys(kinds)).toEqual(["answered"]);
  });
});

describe("a gateway that starts while control is not there", () => {
  test("routes by the file", async () => {
    const instance = keep(await httpInstance(echo));
    const site = keep(await Site.start());
    site.hub.alive([]);
    await site.hub.publish("Iris", endpoint([variant([instance.route])]));
    await site.hub[Symbol.asyncDispose]();
    const { dataPlane } = await site.gateway("one");
    expect(await kindOf(dataPlane, "iris")).toBe("answered");
    // and by control's table once that is there
    const hub = await site.startControl("one");
    await hub.publish("Iris", undefined);
    expect(await kindOf(dataPlane, "iris")).toBe("unknown-endpoint");
  });

  test("after a restart of everything it tells that instances are to come, and control begins so too", async () => {
    const site = keep(await Site.start());
    site.hub.alive([]);
    const route = endpoint([variant([{ id: "i", address: { kind: "unix", path: "/x" } }])]);
    await site.hub.publish("Iris", route);
    await site.hub[Symbol.asyncDispose]();
    site.session = "session-2";
    const early = await site.gateway("one");
    expect(await kindOf(early.dataPlane, "iris")).toBe("not-ready");
    const hub = await site.startControl("one", "two");
    const late = await site.gateway("two");
    expect(await kindOf(late.dataPlane, "iris")).toBe("not-ready");
    await hub.publish("Iris", route);
    for (const { taken } of [early, late]) expect(taken.at(-1)).toBe("2: 1");
  });

  test("waits for control when there is no file", async () => {
    const site = keep(await Site.start());
    await site.hub[Symbol.asyncDispose]();
    await rm(site.file);
    const started = site.gateway("one");
    expect(await settled(started)).toBe("pending");
    await site.startControl("one");
    await started;
  });
});

test("instances that fail are told of, once a turn", async () => {
  const site = keep(await Site.start("one"));
  const { link } = await site.gateway("one");
  for (let i = 0; i < 100; i++) link.report("instance-1", "unreachable");
  link.report("instance-2", "timed-out");
  await expect.poll(() => site.failures).toEqual(["instance-1 unreachable", "instance-2 timed-out"]);
});

test("the workers that gateways need are added up; a later control is told again, and who is gone needs none", async () => {
  const site = keep(await Site.start("one", "two"));
  const [one, two] = [await site.gateway("one"), await site.gateway("two")];
  one.link.demand("f", 1);
  one.link.demand("f", 2);
  await expect.poll(() => site.demand).toEqual(["f 2"]);
  two.link.demand("f", 3);
  await expect.poll(() => site.demand).toEqual(["f 2", "f 5"]);
  two.link[Symbol.dispose]();
  await expect.poll(() => site.demand).toEqual(["f 2", "f 5", "f 2"]);

  await site.hub[Symbol.asyncDispose]();
  expect(site.demand.splice(0)).toHaveLength(3);
  await site.startControl("one");
  await expect.poll(() => site.demand).toEqual(["f 2"]);
  one.link.demand("f", 0);
  await expect.poll(() => site.demand).toEqual(["f 2", "f 0"]);
});

test.each([
  ["no JSON", "hello\n"],
  ["no message of a gateway", '{"kind":"nonsense"}\n'],
  ["a version that is none", '{"kind":"hello","id":"x","version":"1"}\n'],
  ["null", "null\n"],
  ["a message without end", Buffer.alloc(17 << 20, "x")],
])("whoever sends %s is cut, and nobody else", async (_, bytes) => {
  const site = keep(await Site.start("one"));
  const { dataPlane } = await site.gateway("one");
  const socket = connect(site.socketPath);
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.write(bytes);
  await closed;
  await site.hub.publish("a", named("a"));
  expect(await kindOf(dataPlane, "a")).toBe("no-capacity");
});

test("a torn file is read up to where it is whole, a damaged one not at all", async () => {
  const site = keep(await Site.start());
  site.hub.alive([]);
  await site.hub.publish("a", named("a"));
  await site.hub.publish("b", named("b"));
  await site.hub[Symbol.asyncDispose]();
  const whole = readFileSync(site.file, "utf8");
  for (let cut = 0; cut < whole.length; cut += 7) {
    await writeFile(site.file, whole.slice(0, cut));
    await site.startControl("one");
    await site.hub[Symbol.asyncDispose]();
  }
  await writeFile(site.file, whole.slice(0, -5));
  const { dataPlane } = await site.gateway("one");
  expect(await kindOf(dataPlane, "a")).toBe("no-capacity");
  expect(await kindOf(dataPlane, "b")).toBe("unknown-endpoint");
  await writeFile(site.file, whole.replace("timeoutMs", "timeout"));
  site.now = 1000;
  const hub = await site.startControl("one");
  await hub.publish("b", named("b"));
  expect(await kindOf(dataPlane, "a")).toBe("unknown-endpoint");
});
