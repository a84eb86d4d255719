/** CloudWatch behind the real dispatcher and listener, on the real store of metrics. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as sdk from "@aws-sdk/client-cloudwatch";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { openCloudWatch } from "../../../src/capabilities/cloudwatch/cloudwatch.ts";
import { MemoryStore } from "../../../src/state/memory-store.ts";
import { MetricStore, type MetricStoreOptions } from "../../../src/telemetry/metric-store.ts";
import { cloudWatchRules } from "../../../src/wire/rules.ts";
import { AwsQuery } from "../../../src/wire/query.ts";
import { AwsJson, Cbor } from "../../../src/wire/rpc.ts";
import { mount } from "../../../src/wire/server.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { ACCOUNT, serveMounts } from "../sts/serve-mounts.ts";

export const NOW = Date.UTC(2026, 10, 22, 10, 0, 30);

export async function serveCloudWatch(options: Partial<MetricStoreOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "tideway-cloudwatch-"));
  const clock = new FakeClock(NOW);
  const ports = { clock, random: systemRandom, log: silentLog, fatal: () => {} };
  const store = new MemoryStore(ports);
  const metrics = MetricStore.open({ ...ports, file: join(folder, "metrics.sqlite"), ...options });
  const published: { topic: string; message: string; subject: string }[] = [];
  const cloudwatch = await openCloudWatch({
    ...ports,
    account: { accountId: ACCOUNT, region: "us-east-1" },
    store,
    metrics,
    dataDir: folder,
    publish: async (topic, message, subject) => void published.push({ topic, message, subject }),
  });
  const server = await serveMounts(() => [
    mount("monitoring", [new AwsJson("1.0"), new Cbor(), new AwsQuery()], async () => ({
      sdk,
      client: sdk.CloudWatchClient,
      rules: cloudWatchRules(sdk),
      handlers: await cloudwatch.handlers(),
    })),
  ]);
  return {
    clock,
    store,
    metrics,
    published,
    settings: server.client,
    client: new sdk.CloudWatchClient(server.client),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await cloudwatch[Symbol.asyncDispose]();
      await metrics[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}
