/** The disk full under the queue of asynchronous requests alone: its own file lies on a small one. */
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as s3 from "@aws-sdk/client-s3";
import {
  InvokeEndpointAsyncCommand,
  type InvokeEndpointAsyncCommandOutput,
} from "@aws-sdk/client-sagemaker-runtime";
import { afterAll, expect, test } from "vitest";
import { jsonLog } from "../../src/base/log.ts";
import { AsyncEndpoint } from "../support/async-endpoint.ts";
import { TidewayServer } from "../support/tideway-server.ts";
import { TinyDisk } from "../support/tiny-disk.ts";
import { until } from "./killable-server.ts";

const disk = TinyDisk.mount("size=4m");
const parts = new AsyncDisposableStack();
if (disk) parts.use(disk);
afterAll(() => parts.disposeAsync());

const BODY = 50_000;

test.skipIf(disk === undefined)(
  "a full disk (needs the right to mount a tmpfs): refused by name, nothing acknowledged is lost, and it goes on when there is room",
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "tideway-full-"));
    parts.defer(() => rm(dataDir, { recursive: true, force: true }));
    await symlink(join(disk!.dir, "queue.sqlite"), join(dataDir, "async-inference.sqlite"));
    const lines: string[] = [];
    const ballast = join(disk!.dir, "ballast");
    await writeFile(ballast, Buffer.alloc(3 << 20));
    await using tideway = await TidewayServer.start({ dataDir, log: jsonLog((line) => lines.push(line)) });
    const endpoint = await AsyncEndpoint.deploy(tideway, { MaxConcurrentInvocationsPerInstance: 1 });
    const ask = (body: string, more = {}): Promise<InvokeEndpointAsyncCommandOutput> =>
      tideway.runtime.send(
        new InvokeEndpointAsyncCommand({ EndpointName: "later", Body: Buffer.from(body), ...more }),
      );

    // the one seat is taken, so that the others wait on the disk
    const hanging = await ask("hang", { InvocationTimeoutSeconds: 2 });
    const accepted: { text: string; answer: InvokeEndpointAsyncCommandOutput }[] = [];
    const refused: Error[] = [];
    for (let at = 0; refused.length < 3; at++) {
      const text = `${at} `.padEnd(BODY, "x");
      await ask(text).then(
        (answer) => accepted.push({ text, answer }),
        (error: Error) => refused.push(error),
      );
    }
    expect(accepted.length).toBeGreaterThan(3);
    for (const error of refused)
      expect(error).toMatchObject({
        name: "ServiceUnavailable",
        message: "The server's disk is full. Try again later.",
        $metadata: { httpStatusCode: 503 },
      });

    // what is under way comes to its end meanwhile, and that can not be written yet
    await writeFile(join(disk!.dir, "rest"), Buffer.alloc(1 << 20)).catch(() => {});
    await until(() =>
      lines.some((line) => line.includes("the queue of asynchronous requests waits for its storage")),
    );
    for (const name of ["ballast", "rest"]) await rm(join(disk!.dir, name));
    const after = await ask("after");
    expect((await endpoint.fetched(hanging)).text).toMatch(/within the 2 s/);
    for (const { text, answer } of accepted)
      expect(await endpoint.fetched(answer)).toMatchObject({ failed: false, text });
    expect(await endpoint.fetched(after)).toMatchObject({ failed: false, text: "after" });
    const { Contents = [] } = await tideway.s3.send(new s3.ListObjectsV2Command({ Bucket: "jobs" }));
    const left = [
      hanging.FailureLocation,
      ...[...accepted.map(({ answer }) => answer), after].map(({ OutputLocation }) => OutputLocation),
    ];
    expect(new Set(Contents.map(({ Key }) => `s3://jobs/${Key}`))).toEqual(new Set(left));
  },
  60_000,
);
