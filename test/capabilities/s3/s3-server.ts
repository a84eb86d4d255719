/** The embedded S3 behind the real dispatcher and listener, in a folder of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as sdk from "@aws-sdk/client-s3";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { s3Handlers } from "../../../src/capabilities/s3/operations.ts";
import { type DiskStore, openDiskStore } from "../../../src/objects/disk/disk-store.ts";
import type { Context } from "../../../src/wire/context.ts";
import { createListener } from "../../../src/wire/listener.ts";
import { RestXml } from "../../../src/wire/rest.ts";
import { createDispatcher, mount } from "../../../src/wire/server.ts";
import type { Handlers } from "../../../src/wire/service.ts";

export const KEYS = { accessKeyId: "AKIATIDEWAYTEST", secretAccessKey: "a secret of the tests" };
export const ACCOUNT = "000000000000";

export interface S3Server extends AsyncDisposable {
  readonly url: string;
  readonly store: DiskStore;
  readonly dir: string;
  client(options?: sdk.S3ClientConfig): sdk.S3Client;
}

/** `wrap` may put other handlers in the place of the store's. */
export async function startS3(
  wrap: (handlers: Handlers<typeof sdk, Context>) => Handlers<typeof sdk, Context> = (handlers) => handlers,
): Promise<S3Server> {
  const dir = await mkdtemp(join(tmpdir(), "tideway-s3-"));
  const store = openTestStore(dir);
  const stop = await listenS3(wrap(s3Handlers(store, "us-east-1")));
  const clients: sdk.S3Client[] = [];
  return {
    url: stop.url,
    store,
    dir,
    client(options = {}) {
      const client = new sdk.S3Client({
        endpoint: stop.url,
        region: "us-east-1",
        credentials: KEYS,
        forcePathStyle: true,
        maxAttempts: 1,
        ...options,
      });
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      await stop[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A store whose fatal errors fail the test that caused them. */
export function openTestStore(
  dir: string,
  parts: Partial<Parameters<typeof openDiskStore>[1]> = {},
): DiskStore {
  return openDiskStore(dir, {
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    fatal: (error) => {
      throw error;
    },
    ...parts,
  });
}

export async function listenS3(handlers: Handlers<typeof sdk, Context>) {
  const s3 = mount("s3", [new RestXml("http://s3.amazonaws.com/doc/2006-03-01/")], async () => ({
    sdk,
    client: sdk.S3Client,
    handlers,
  }));
  const principal = {
    accessKeyId: KEYS.accessKeyId,
    accountId: ACCOUNT,
    arn: `arn:aws:iam::${ACCOUNT}:root`,
    userId: ACCOUNT,
  };
  const dispatcher = createDispatcher({
    mounts: [s3],
    credentials: {
      find: (id) =>
        id === KEYS.accessKeyId ? { secretAccessKey: KEYS.secretAccessKey, principal } : undefined,
    },
    clock: systemClock,
    random: systemRandom,
    log: {
      ...silentLog,
      error: (message, facts) => console.error(message, facts),
    },
    allowedHosts: [],
  });
  const listener = createListener((message, reply) => dispatcher.handle(message, reply), {
    clock: systemClock,
  });
  const { port } = await listener.listen(0, "127.0.0.1");
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose]() };
}
