/** Amazon CloudWatch on this machine: metrics that are put and asked for, and alarms on them. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import { join } from "node:path";
import type { Account } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { MetricReader, MetricStorage } from "../../telemetry/metrics.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { type ActionRunner, type Publish, topicRunner } from "./alarm-actions.ts";
import { runAlarms } from "./alarm-controller.ts";
import { AlarmHistory } from "./alarm-history.ts";
import type { AlarmOperationPorts } from "./alarm-ports.ts";

export interface CloudWatchOptions {
  readonly account: Account;
  readonly store: ResourceStore;
  readonly metrics: MetricReader & MetricStorage;
  /** Where the history of alarms is kept. */
  readonly dataDir: string;
  readonly publish: Publish;
  /** What carries out actions other than topics. */
  readonly runners?: readonly ActionRunner[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly fatal: (error: Error) => void;
}

export interface CloudWatch extends AsyncDisposable {
  /** What answers for CloudWatch. */
  handlers(): Promise<Handlers<typeof sdk, Context>>;
}

/** Evaluates alarms from now on, and takes up the actions that an earlier process left. */
export async function openCloudWatch(options: CloudWatchOptions): Promise<CloudWatch> {
  await using parts = new AsyncDisposableStack();
  const { account, store, metrics, dataDir, publish, clock, random, log, fatal } = options;
  const history = parts.use(new AlarmHistory(join(dataDir, "alarm-history.sqlite"), fatal));
  const runners = [topicRunner(account, publish), ...(options.runners ?? [])];
  parts.use(await runAlarms({ store, reader: metrics, history, runners, clock, random, log }));
  const owned = parts.move();
  return {
    handlers: async () => {
      const { cloudWatchHandlers } = await import("./operations.ts");
      const ports: AlarmOperationPorts = { account, store, history, runners, clock };
      return cloudWatchHandlers(metrics, ports);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
