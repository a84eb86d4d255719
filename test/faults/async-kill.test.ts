/** Asynchronous requests while processes of the server are killed: none is lost, and no result is replaced. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as s3 from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { AsyncEndpoint } from "../support/async-endpoint.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { faultRuns, timeFor } from "./fault-runs.ts";
import { KillableServer, until } from "./killable-server.ts";

const KILLS = faultRuns(6);
const REQUESTS = KILLS * 40;
const CLIENTS = 4;
const MODEL = fileURLToPath(new URL("../support/stamp-model.mjs", import.meta.url));
const seesProcesses = existsSync("/proc/self/cwd");

/** The results that are there, each by what tells one write of it from another. */
async function results({ s3: client }: AsyncEndpoint["tideway"]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let ContinuationToken: string | undefined;
  do {
    const page = await client.send(
      new s3.ListObjectsV2Command({ Bucket: "jobs", ...(ContinuationToken && { ContinuationToken }) }),
    );
    for (const { Key = "", ETag, LastModified } of page.Contents ?? [])
      if (!Key.startsWith("in/")) found.set(`s3://jobs/${Key}`, `${ETag} ${LastModified?.toISOString()}`);
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return found;
}

test.skipIf(!seesProcesses)(
  "kill -9 of control, gateways and instances: every acknowledged request has one result",
  async () => {
    await using server = await KillableServer.start("--sandbox", "none");
    const { tideway } = server;
    const record = join(server.dataDir, "record");
    await tideway.image("stamp", MODEL);
    const endpoint = await AsyncEndpoint.deploy(
      tideway,
      { MaxConcurrentInvocationsPerInstance: 4 },
      {},
      { Image: "stamp", Environment: { RECORD: record } },
    );

    const random = new SeededRandom(7);
    const places = new Map<string, string>();
    let next = 0;
    const client = async () => {
      for (let job = next++; job < REQUESTS; job = next++)
        for (;;)
          try {
            const inline = job % 2 ? {} : { Body: Buffer.from(`job-${job}`) };
            const { OutputLocation } = await endpoint.invoke(`job-${job}`, inline, `in/${job}`);
            places.set(OutputLocation!, `job-${job}`);
            break;
          } catch {
            await new Promise((resolve) => setTimeout(resolve, 20)); // a process was killed under it
          }
    };
    const clients = Promise.all(Array.from({ length: CLIENTS }, client));

    const first = new Map<string, string>();
    let replaced = 0;
    /** False when the gateway that was asked was killed under it. */
    const look = async () => {
      const found = await results(tideway).catch(() => undefined);
      for (const [place, mark] of found ?? []) {
        if (first.has(place) && first.get(place) !== mark) replaced++;
        first.set(place, mark);
      }
      return found !== undefined;
    };
    const killed = { control: 0, gateway: 0, instance: 0 };
    for (let kill = 0; kill < KILLS; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 100 + random.number() * 500));
      const kind = (["control", "instance", "gateway"] as const)[kill % 3]!;
      const pids = kind === "instance" ? [...server.processes().keys()] : server.role(kind);
      for (const pid of pids)
        try {
          process.kill(pid, "SIGKILL");
          killed[kind]++;
        } catch {
          // it has just ended by itself: with control, say
        }
      await look();
    }
    await clients;
    await until(async () => (await look()) && [...places.keys()].every((place) => first.has(place)));
    await until(look);

    const executions = readFileSync(record, "utf8").trim().split("\n").length;
    const failures = [...first.keys()].filter((place) => place.startsWith("s3://jobs/failures/"));
    console.log(
      `${places.size} requests, killed ${JSON.stringify(killed)}: ` +
        `${places.size - [...places.keys()].filter((place) => first.has(place)).length} lost, ` +
        `${replaced} replaced, ${failures.length} failed, ${executions} executions for ${first.size} results`,
    );
    expect(replaced).toBe(0);
    expect(failures).toEqual([]);
    for (const [place, job] of [...places].slice(0, 50))
      expect((await endpoint.read(place, false))!.text.split(" ")[0]).toBe(job);
  },
  timeFor(KILLS, 10_000),
);
