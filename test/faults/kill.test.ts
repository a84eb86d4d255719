/** A server that is killed with SIGKILL: what it acknowledged is there when it is started again, and what it had begun ends. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { SeededRandom } from "../support/seeded-random.ts";
import {
  CONTRACT_SERVER,
  EXAMPLES,
  modelArchive,
  ODD_MODEL,
  type TidewayServer,
} from "../support/tideway-server.ts";
import { faultRuns, timeFor } from "./fault-runs.ts";
import { KillableServer, until } from "./killable-server.ts";

const KILLS = faultRuns(4);
const WRITERS = 6;
const BUCKET = "writes";
/** How the processes of a killed server are looked at. */
const seesProcesses = existsSync("/proc/self/cwd");

/** What a writer knows: the last value that was acknowledged, and the one that was on its way when the server died. */
class Ledger {
  readonly acknowledged = new Map<string, string>();
  readonly underWay = new Map<string, string>();

  async write(key: string, value: string, send: () => Promise<unknown>): Promise<void> {
    this.underWay.set(key, value);
    await send();
    this.acknowledged.set(key, value);
    this.underWay.delete(key);
  }

  /** Every key that anybody wrote. */
  keys(): string[] {
    return [...new Set([...this.acknowledged.keys(), ...this.underWay.keys()])];
  }

  /** What may be found at a key: nothing is "". */
  allowed(key: string): string[] {
    const [known = "", next] = [this.acknowledged.get(key), this.underWay.get(key)];
    return next === undefined ? [known] : [known, next];
  }
}

/** Writes until the server dies. What it writes is in its own names, so that no other writer changes it. */
async function write(
  tideway: TidewayServer,
  name: string,
  ledger: Ledger,
  random: SeededRandom,
): Promise<void> {
  const { sagemaker: api, s3: store } = tideway;
  const put = (key: string) => {
    const body = random.bytes(1 + Math.floor(random.number() * 40_000));
    return ledger.write(`object ${key}`, body.toString("base64"), () =>
      store.send(new s3.PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body })),
    );
  };
  for (let index = 0; ; index++) {
    const own = `${name}-${index}`;
    await put(`${own}/of its own`);
    await put(`${name}/written again and again`);
    await ledger.write(`model ${own}`, `image-${own}`, () =>
      api.send(
        new sagemaker.CreateModelCommand({ ModelName: own, PrimaryContainer: { Image: `image-${own}` } }),
      ),
    );
    await ledger.write(`config ${own}`, own, () => tideway.config(own, {}));
    const ResourceArn = `arn:aws:sagemaker:us-east-1:000000000000:model/${own}`;
    await ledger.write(`tags ${own}`, `stage=${index}`, () =>
      api.send(new sagemaker.AddTagsCommand({ ResourceArn, Tags: [{ Key: "stage", Value: String(index) }] })),
    );
    if (index % 3 !== 2) continue;
    const old = `${name}-${index - 1}`;
    await ledger.write(`config ${old}`, "", () =>
      api.send(new sagemaker.DeleteEndpointConfigCommand({ EndpointConfigName: old })),
    );
    await ledger.write(`object ${old}/of its own`, "", () =>
      store.send(new s3.DeleteObjectCommand({ Bucket: BUCKET, Key: `${old}/of its own` })),
    );
  }
}

/** What the server has at a key of the ledger, all of it; "" where it has nothing. */
async function read({ sagemaker: api, s3: store }: TidewayServer, key: string): Promise<string> {
  const space = key.indexOf(" ");
  const [kind, name] = [key.slice(0, space), key.slice(space + 1)];
  try {
    if (kind === "object") {
      const found = await store.send(new s3.GetObjectCommand({ Bucket: BUCKET, Key: name }));
      return await found.Body!.transformToString("base64");
    }
    if (kind === "model") {
      const found = await api.send(new sagemaker.DescribeModelCommand({ ModelName: name }));
      return found.PrimaryContainer!.Image!;
    }
    if (kind === "config") {
      const found = await api.send(new sagemaker.DescribeEndpointConfigCommand({ EndpointConfigName: name }));
      return found.ProductionVariants![0]!.ModelName!;
    }
    const ResourceArn = `arn:aws:sagemaker:us-east-1:000000000000:model/${name}`;
    const { Tags } = await api.send(new sagemaker.ListTagsCommand({ ResourceArn }));
    return Tags!.map((tag) => `${tag.Key}=${tag.Value}`).join();
  } catch (error) {
    if (/^(NoSuchKey|ValidationException)$/.test((error as Error).name)) return "";
    throw error;
  }
}

test(
  "kill -9 among writes: everything acknowledged is there, and nothing is half there",
  async () => {
    const random = new SeededRandom(20);
    await using server = await KillableServer.start();
    await server.tideway.s3.send(new s3.CreateBucketCommand({ Bucket: BUCKET }));
    const ledger = new Ledger();
    const dying = /socket hang up|ECONNRESET|ECONNREFUSED|EPIPE|TimeoutError|aborted/;
    for (let kill = 0; kill < KILLS; kill++) {
      const before = ledger.acknowledged.size;
      const moment = before + 5 + Math.floor(random.number() * 60);
      let dead: Promise<void> | undefined;
      const acknowledge = ledger.acknowledged.set.bind(ledger.acknowledged);
      ledger.acknowledged.set = (key, value) => {
        const map = acknowledge(key, value);
        if (map.size >= moment) dead ??= server.kill();
        return map;
      };
      const writers = Array.from({ length: WRITERS }, (_, index) =>
        write(server.tideway, `k${kill}-w${index}`, ledger, random).catch(
          (error: Error & { code?: string }) => {
            if (!dead || !dying.test(`${error.name} ${error.message} ${error.code}`)) throw error;
          },
        ),
      );
      await Promise.all(writers);
      await dead;
      await server.restart();
      for (const key of ledger.underWay.keys()) {
        const found = await read(server.tideway, key);
        expect([key, ledger.allowed(key)]).toEqual([key, expect.arrayContaining([found])]);
        ledger.acknowledged.set(key, found); // from here on it must stay as it is
        ledger.underWay.delete(key);
      }
    }
    const lost: string[] = [];
    for (const key of ledger.keys())
      if (!ledger.allowed(key).includes(await read(server.tideway, key))) lost.push(key);
    console.log(
      `${KILLS} kills, ${ledger.acknowledged.size} names with acknowledged writes, ${lost.length} lost`,
    );
    expect(lost).toEqual([]);

    const listed = new Set<string>();
    for await (const page of s3.paginateListObjectsV2({ client: server.tideway.s3 }, { Bucket: BUCKET }))
      for (const { Key } of page.Contents ?? []) listed.add(`object ${Key}`);
    const there = ledger.keys().filter((key) => key.startsWith("object ") && ledger.acknowledged.get(key));
    expect([...listed].sort()).toEqual(there.sort());
  },
  timeFor(KILLS, 5000),
);

test.skipIf(!seesProcesses)(
  "kill -9 amid a creation, an update and a deletion: each ends, and no process is left over (needs /proc)",
  async () => {
    await using server = await KillableServer.start();
    const { tideway } = server;
    await tideway.image("contract", CONTRACT_SERVER);
    await tideway.image("odd", ODD_MODEL);
    const slow = { Image: "contract", Environment: { SLOW_MS: "3000", GENERATION: "2" } };
    await tideway.deploy("updating", { Image: "contract", Environment: { GENERATION: "1" } });
    await tideway.deploy("deleting", { Image: "odd" });
    await tideway.model("slow", slow);
    await tideway.config("slow", {});

    // a request that never ends keeps the deletion under way
    const hanging = tideway.invoke("deleting", "hang").catch((error: Error) => error.name);
    for (let index = 0; index < 3; index++) await tideway.invoke("deleting", "meanwhile");
    await tideway.sagemaker.send(new sagemaker.DeleteEndpointCommand({ EndpointName: "deleting" }));
    const EndpointConfigName = "slow";
    await tideway.sagemaker.send(
      new sagemaker.UpdateEndpointCommand({ EndpointName: "updating", EndpointConfigName }),
    );
    await tideway.sagemaker.send(
      new sagemaker.CreateEndpointCommand({ EndpointName: "creating", EndpointConfigName }),
    );
    await until(() => server.instances().length === 4);
    const old = server.processes();
    await server.kill();
    await hanging;
    await until(() => [...server.processes().keys()].every((pid) => !old.has(pid)));
    expect(server.instances()).toEqual([]);

    await server.restart();
    const restarted = server.tideway;
    for (const name of ["creating", "updating"]) {
      expect(await restarted.settled(name)).toMatchObject({
        EndpointStatus: "InService",
        EndpointConfigName: "slow",
        ProductionVariants: [{ CurrentInstanceCount: 1 }],
      });
      const { text } = await restarted.invoke(name, "x");
      expect(JSON.parse(text)).toMatchObject({ env: { GENERATION: "2" } });
    }
    await sagemaker.waitUntilEndpointDeleted(
      { client: restarted.sagemaker, maxWaitTime: 60 },
      { EndpointName: "deleting" },
    );
    await until(() => server.instances().length <= 2);
    expect(server.instances()).toEqual([
      expect.stringMatching(/-r\d+-0-(creating|updating)\b/),
      expect.stringMatching(/-r\d+-0-(creating|updating)\b/),
    ]);
    await restarted.sagemaker.send(
      new sagemaker.CreateEndpointCommand({ EndpointName: "deleting", EndpointConfigName: "deleting" }),
    );
    expect((await restarted.settled("deleting")).EndpointStatus).toBe("InService");
  },
);

test("an endpoint in service answers again after kill -9, its model, configuration and artifact deleted before", async () => {
  const onnx = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
  const row = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").split("\n")[0]!;
  await using server = await KillableServer.start();
  const { tideway } = server;
  const ModelDataUrl = await tideway.upload("cancer.tar.gz", await modelArchive({ "model.onnx": onnx }));
  await tideway.deploy("cancer", { Image: "tideway/onnx", ModelDataUrl });
  const { text } = await tideway.invoke("cancer", row);
  await tideway.sagemaker.send(new sagemaker.DeleteModelCommand({ ModelName: "cancer" }));
  await tideway.sagemaker.send(new sagemaker.DeleteEndpointConfigCommand({ EndpointConfigName: "cancer" }));
  await tideway.s3.send(new s3.DeleteObjectCommand({ Bucket: "models", Key: "cancer.tar.gz" }));

  await server.kill();
  await server.restart();
  const restarted = server.tideway;
  expect((await restarted.describe("cancer")).EndpointStatus).toBe("InService");
  await until(() =>
    restarted.invoke("cancer", row).then(
      (answer) => answer.text === text,
      (error: Error) => {
        // the instance is not there yet, and nothing else
        expect(error.name).toMatch(/^(ServiceUnavailable|ValidationError)/);
        return false;
      },
    ),
  );
});
