/** Where a server's objects are: in its data folder, or on another S3 when the environment names one. */
import { join } from "node:path";
import { openDiskStore } from "../objects/disk/disk-store.ts";
import type { PartStore } from "../objects/object-store.ts";
import { openRemoteStore, remoteS3Client, type RemoteStoreOptions } from "../objects/remote/remote-store.ts";
import type { Implementations } from "../services.ts";
import { accountOf, type RolePorts, type ServerSettings } from "./settings.ts";

/** The objects, and the operations of S3 on them. */
export interface Objects {
  readonly objects: PartStore;
  readonly s3: Implementations["s3"];
}

/** Opens the store; `parts` closes it. */
export async function openObjects(
  { clock, random, log, settings }: RolePorts,
  fatal: (error: Error) => void,
  parts: AsyncDisposableStack,
): Promise<Objects> {
  const remote = remoteStore(settings);
  if (remote) {
    const client = parts.adopt(await remoteS3Client(remote), (client) => client.destroy());
    const objects = parts.use(openRemoteStore({ ...remote, clock }));
    return {
      objects,
      s3: async () => (await import("../capabilities/s3/remote-operations.ts")).remoteS3Handlers(client),
    };
  }
  const folder = join(settings.dataDir, "objects");
  const objects = parts.use(openDiskStore(folder, { clock, random, log, fatal }));
  const { region } = accountOf(settings);
  return {
    objects,
    s3: async () => (await import("../capabilities/s3/operations.ts")).s3Handlers(objects, region),
  };
}

/** `TIDEWAY_S3_ENDPOINT` puts the objects elsewhere; without a key of its own the SDK looks for one where it always does. */
function remoteStore({ env, region }: ServerSettings): RemoteStoreOptions | undefined {
  const endpoint = env["TIDEWAY_S3_ENDPOINT"];
  if (!endpoint) return undefined;
  if (!URL.canParse(endpoint))
    throw new Error(
      `TIDEWAY_S3_ENDPOINT must be an address such as https://s3.example.com, not ${endpoint}.`,
    );
  const accessKeyId = env["TIDEWAY_S3_ACCESS_KEY_ID"];
  const secretAccessKey = env["TIDEWAY_S3_SECRET_ACCESS_KEY"];
  if (Boolean(accessKeyId) !== Boolean(secretAccessKey))
    throw new Error(
      "TIDEWAY_S3_ACCESS_KEY_ID and TIDEWAY_S3_SECRET_ACCESS_KEY must be set together; only one of them is.",
    );
  return {
    endpoint,
    region: env["TIDEWAY_S3_REGION"] ?? region,
    forcePathStyle: env["TIDEWAY_S3_VIRTUAL_HOSTS"] !== "true",
    ...(accessKeyId && secretAccessKey && { credentials: { accessKeyId, secretAccessKey } }),
  };
}
