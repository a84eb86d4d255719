/** Hostile models: each harms nobody but itself, and what it did is named. */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonLog } from "../../src/base/log.ts";
import { AsyncEndpoint } from "../support/async-endpoint.ts";
import { hasCgroups, hasSandbox } from "../support/isolation.ts";
import { EXAMPLES, modelArchive, TidewayServer } from "../support/tideway-server.ts";
import { until } from "./killable-server.ts";

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const HOSTILE = file("../support/hostile-model.mjs");
const LIMITS = { memoryMiB: 384, processes: 200 };

let tideway: TidewayServer;
const lines: string[] = [];
beforeAll(async () => {
  tideway = await TidewayServer.start({
    sandbox: hasSandbox ? "required" : "none",
    limits: LIMITS,
    patience: { pingIntervalMs: 200, pingTimeoutMs: 1000, pingMisses: 3, stableMs: 100 },
    log: jsonLog((line) => lines.push(line)),
  });
  await tideway.image("hostile", HOSTILE, "{socket}");
  const ModelDataUrl = await tideway.upload(
    "good.tar.gz",
    await modelArchive({ "model.onnx": readFileSync(join(EXAMPLES, "breast-cancer/model.onnx")) }),
  );
  await tideway.deploy("good", { Image: "tideway/onnx", ModelDataUrl });
  await tideway.deploy("bad", { Image: "hostile" });
});
afterAll(() => tideway[Symbol.asyncDispose]());

const ROW = Array.from({ length: 30 }, () => "1").join(",");
const ask = async (body: string, name = "bad") => (await tideway.invoke(name, body)).text;
/** That the other endpoint serves, as often as it can until `promise` is settled. */
async function othersAreServed(promise: Promise<unknown>): Promise<number> {
  let over = false;
  void promise.catch(() => {}).finally(() => (over = true));
  let served = 0;
  await until(async () => {
    expect((await tideway.invoke("good", ROW)).text).toMatch(/\d/);
    served += 1;
    return over;
  });
  return served;
}
const recovered = () => until(async () => (await ask("well").catch(() => "")) === "well");
const told = (text: string) => lines.filter((line) => line.includes(text));

describe.skipIf(!hasCgroups)("memory without end (needs cgroups)", () => {
  test("ends the model alone: ModelError for its caller, others served, replaced, named in the log", async () => {
    const greedy = ask("allocate").catch((error: Error) => error);
    expect(await othersAreServed(greedy)).toBeGreaterThan(0);
    expect(await greedy).toMatchObject({ name: "ModelError", $metadata: { httpStatusCode: 424 } });
    await recovered();
    expect(told("more memory than the 384 MiB that an instance of ml.m5.large has here")).not.toEqual([]);
  });

  test("at the start makes the endpoint fail with a reason that names it", async () => {
    const failed = await tideway.deploy("greedy", {
      Image: "hostile",
      Environment: { GREEDY_AT_START: "1" },
    });
    expect(failed).toMatchObject({
      EndpointStatus: "Failed",
      FailureReason: expect.stringContaining("more memory than the 384 MiB"),
    });
  });

  test("kept by a leak of 1 MiB per request ends in a restart that names it", async () => {
    lines.length = 0;
    let leaks = 0;
    while ((await ask("leak 1").catch(() => "ended")) !== "ended") leaks += 1;
    expect(leaks).toBeGreaterThan(100);
    expect(leaks).toBeLessThan(LIMITS.memoryMiB);
    await recovered();
    expect(told("look for a leak")).not.toEqual([]);
  });

  test("asked for by an ONNX node is a ModelError, and the server lives", async () => {
    const ModelDataUrl = await tideway.upload(
      "huge.tar.gz",
      await modelArchive({ "model.onnx": readFileSync(file("../model-server/vectors/huge.onnx")) }),
    );
    const endpoint = await tideway.deploy("huge", { Image: "tideway/onnx", ModelDataUrl });
    expect(endpoint.EndpointStatus).toBe("InService");
    await expect(ask("1", "huge")).rejects.toMatchObject({ name: "ModelError" });
    expect((await tideway.invoke("good", ROW)).text).toMatch(/\d/);
  });
});

describe.skipIf(!hasCgroups)("memory without end, asked for asynchronously (needs cgroups)", () => {
  test("fails with its reason after three instances, leaves no result, and takes nothing beside it along", async () => {
    lines.length = 0;
    const later = await AsyncEndpoint.deploy(tideway, {}, {}, { Image: "hostile" });
    const [greedy, ...others] = await Promise.all(
      ["allocate", "1", "2"].map((text) => later.invoke(text, {}, text)),
    );
    expect(await later.fetched(greedy!)).toEqual({
      failed: true,
      text: expect.stringMatching(
        /^InternalServerError: Each of 3 instances broke off while it had the request\. The last time: ./,
      ),
      contentType: "text/plain; charset=utf-8",
    });
    for (const [index, one] of others.entries())
      expect(await later.fetched(one)).toMatchObject({ failed: false, text: String(index + 1) });
    expect(told("more memory than the 384 MiB that an instance of ml.m5.large has here")).not.toEqual([]);
    // the endpoint serves on
    expect(await later.fetched(await later.invoke("well"))).toMatchObject({ failed: false, text: "well" });
    expect((await tideway.describe("later")).EndpointStatus).toBe("InService");
    const { Contents = [] } = await tideway.s3.send(new ListObjectsV2Command({ Bucket: "jobs" }));
    const keys = Contents.map(({ Key }) => Key!);
    expect(keys.filter((key) => key.startsWith("failures/"))).toEqual([
      greedy!.FailureLocation!.slice("s3://jobs/".length),
    ]);
    expect(keys.filter((key) => key.startsWith("out/"))).toHaveLength(3);
    expect(keys).not.toContain(greedy!.OutputLocation!.slice("s3://jobs/".length));
  }, 60_000);
});

describe.skipIf(!hasCgroups)("processes without end (needs cgroups)", () => {
  test("are bounded, and others are served", async () => {
    lines.length = 0;
    await ask("fork");
    const named = until(() => told("more than 200 processes and threads").length > 0);
    expect(await othersAreServed(named)).toBeGreaterThan(0);
    await recovered();
  });
});

test("a model that spins for ever is replaced, and others are served", async () => {
  const spinning = ask("spin").catch((error: Error) => error);
  expect(await othersAreServed(spinning)).toBeGreaterThan(0);
  expect(await spinning).toMatchObject({ name: "ModelError" });
  await recovered();
});

describe.skipIf(!hasSandbox)("what is not the model's own (needs bubblewrap)", () => {
  test("is not there: the server's key, other models, the user's files, the server's processes", async () => {
    const { dataDir } = tideway;
    const home = process.env["HOME"]!;
    expect(readFileSync(join(dataDir, "credentials.json"), "utf8")).toContain("secretAccessKey");
    for (const path of [join(dataDir, "credentials.json"), join(dataDir, "state.sqlite"), "/etc/shadow"])
      expect([path, await ask(`read ${path}`)]).toEqual([path, "refused: ENOENT"]);
    for (const path of [
      join(dataDir, "artifacts"),
      join(dataDir, "objects"),
      home,
      "/root",
      "/home",
      "/run",
      "/var",
    ])
      expect([path, await ask(`list ${path}`)]).toEqual([path, expect.stringMatching(/^$|refused: ENOENT/)]);
    expect(await ask(`read /proc/${process.pid}/environ`)).toMatch(/^refused: ENOENT/);
    expect(await ask(`signal ${process.pid}`)).toBe("refused: ESRCH");
    expect((await ask("list /proc")).split(" ").filter((name) => /^\d+$/.test(name)).length).toBeLessThan(10);
  });

  test("can't be written: the system, the kernel's settings, the model", async () => {
    for (const path of [
      "/usr/x",
      "/x",
      "/dev/x",
      "/proc/sys/kernel/core_pattern",
      "/opt/ml/model/x",
      "/etc/passwd",
    ])
      expect([path, await ask(`write ${path}`)]).toEqual([
        path,
        expect.stringMatching(/^refused: E(ROFS|ACCES|PERM)/),
      ]);
    for (const path of ["own", "/tmp/x", "/dev/shm/x"])
      expect([path, await ask(`write ${path}`)]).toEqual([path, "written"]);
  });

  test("can't be reached: a server on the machine's loopback interface sees nobody", async () => {
    let seen = 0;
    const canary = createServer(() => (seen += 1));
    await new Promise<void>((resolve) => canary.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = canary.address() as { port: number };
      expect(await ask(`connect ${port}`)).toBe("refused: ECONNREFUSED");
      expect(seen).toBe(0);
    } finally {
      canary.close();
    }
  });
});
