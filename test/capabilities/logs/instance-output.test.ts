import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import { InstanceOutputs } from "../../../src/capabilities/logs/instance-output.ts";
import type { FleetSpec, InstanceOutput } from "../../../src/compute/engine.ts";
import { LogWriter } from "../../../src/compute/process/log-writer.ts";
import { LogStore } from "../../../src/telemetry/logs/log-store.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const MIB = 1 << 20;
const ALL = { from: { time: 0, sequence: 0 }, to: { time: Number.MAX_SAFE_INTEGER, sequence: 0 } };

let folder: string;
let clock: FakeClock;
let store: LogStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tideway-logs-"));
  clock = new FakeClock(Date.now());
  const fatal = (error: Error) => {
    throw error;
  };
  store = new LogStore({ file: join(folder, "logs.sqlite"), clock, log: silentLog, fatal });
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** An engine with one instance, whose program prints with `print`. */
function printing(logBytes = 10 * MIB) {
  const path = join(folder, "0", "log");
  const spec = { endpoint: "Talk", variant: "All" } as FleetSpec;
  const output = { fleet: "f", spec, instance: "f-0", path, ended: false };
  const watchers = new Set<(fleet: string) => void>();
  const engine = {
    *outputs(): Generator<InstanceOutput> {
      yield { ...output };
    },
    watch(watcher: (fleet: string) => void) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
  const writer = new LogWriter(path, logBytes);
  const print = (text: string) =>
    writer.record(
      (async function* () {
        yield Buffer.from(text);
      })(),
    );
  const end = () => {
    output.ended = true;
    for (const watcher of watchers) watcher("f");
    writer[Symbol.dispose]();
    rmSync(join(folder, "0"), { recursive: true });
  };
  return { engine, print, end };
}

const outputsOf = (engine: ReturnType<typeof printing>["engine"], isJob = false) =>
  new InstanceOutputs({ store, engine, clock, log: silentLog, isJob: () => isJob });
const messages = (group = "/aws/sagemaker/Endpoints/Talk") =>
  [...store.events(store.group(group)!, ALL)].map(({ message, stream }) => [stream, message]);

test("each line is kept once, whoever reads, and the last ones are taken before the files go", async () => {
  const { engine, print, end } = printing();
  await print("one\n\ntwo\n");
  {
    using _ = outputsOf(engine);
    await clock.advance(250);
    await print("three\n");
  }
  using _ = outputsOf(engine);
  await clock.advance(1000);
  await print("four\n");
  end();
  expect(messages()).toEqual(["one", "two", "three", "four"].map((line) => ["All/f-0", line]));
});

test("a transform job's stream has the time of its start", async () => {
  const { engine, print } = printing();
  const began = clock.now();
  using _ = outputsOf(engine, true);
  await print("row\n");
  await clock.advance(250);
  await print("row\n");
  await clock.advance(250);
  const stream = `Talk/f-0-${began + 250}`;
  expect(messages("/aws/sagemaker/TransformJobs")).toEqual([
    [stream, "row"],
    [stream, "row"],
  ]);
});

test("of a program that prints without end a part is kept, and a line says how much is missing", async () => {
  const { engine, print, end } = printing();
  using _ = outputsOf(engine);
  const block = `${"x".repeat(1023)}\n`.repeat(1024);
  for (let look = 0; look < 4; look++) {
    for (let part = 0; part < 25; part++) await print(block);
    await clock.advance(250);
  }
  await print("the end\n");
  end();
  const kept = messages().map(([, message]) => message!);
  expect(kept.at(-1)).toBe("the end");
  expect(kept.join("\n").length).toBeLessThan(16 * MIB);
  expect(kept.filter((line) => line.startsWith("Tideway left out ")).length).toBeGreaterThanOrEqual(3);
});
