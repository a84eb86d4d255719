/** Transform jobs as the command line shows them: how far one is, and what becomes of it. */
import type { DescribeTransformJobResponse } from "@aws-sdk/client-sagemaker";
import { type Clock, sleep } from "../base/clock.ts";
import type { AwsClients } from "./aws-clients.ts";
import { byteSize, duration } from "./quantities.ts";
import { printable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import type { TidewayApi, TransformProgress } from "./tideway-api.ts";

export interface TransformPorts {
  readonly aws: AwsClients;
  readonly api: TidewayApi;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const LOOK_MS = 200;
const BAR = 24;

/** The colour of a job's state. */
export function transformStyle(state: string | undefined): "green" | "red" | "yellow" {
  if (state === "Completed") return "green";
  return state === "InProgress" || state === "Stopping" ? "yellow" : "red";
}

/** `[=========>      ]  41.5 %  3 of 8 objects  12,345 rows/s  3 min 5 s left`. */
export function progressLine({
  objects,
  records,
  bytes,
  percent,
  recordsPerSecond,
  secondsLeft,
}: TransformProgress): string {
  const filled = Math.floor((BAR * (percent ?? 0)) / 100);
  const parts = [
    `[${"=".repeat(filled).padEnd(BAR)}]`,
    percent === undefined ? "" : `${percent.toFixed(1)} %`,
    `${objects.done} of ${objects.total ?? "?"} objects${objects.failed > 0 ? ` (${objects.failed} failed)` : ""}`,
    `${records.toLocaleString("en-US")} rows`,
    byteSize(bytes.done),
    recordsPerSecond > 0 ? `${recordsPerSecond.toLocaleString("en-US")} rows/s` : "",
    secondsLeft === undefined ? "" : `${duration(secondsLeft * 1000)} left`,
  ];
  return parts.filter(Boolean).join("  ");
}

/** Shows how far the job is until it has ended, and gives its last description. */
export async function watchTransform(
  name: string,
  { aws, api, terminal, clock, signal }: TransformPorts,
): Promise<DescribeTransformJobResponse> {
  const { sdk, client } = await aws.sagemaker("none");
  let state: string | undefined;
  let percent = -1;
  for (;;) {
    const job = await client.send(new sdk.DescribeTransformJobCommand({ TransformJobName: name }), {
      abortSignal: signal,
    });
    const progress = await api.transformJob(name, signal);
    const { TransformJobStatus } = job;
    if (TransformJobStatus !== state || Math.floor(progress.percent ?? 0) > percent) {
      percent = Math.floor(progress.percent ?? 0);
      terminal.event("progress", { ...progress, state: TransformJobStatus });
    }
    if (TransformJobStatus !== state) {
      state = TransformJobStatus;
      terminal.say(terminal.style(transformStyle(state), `${name} is ${state}`));
    }
    if (state !== "InProgress" && state !== "Stopping") {
      terminal.say(progressLine(progress));
      if (job.FailureReason) terminal.say(printable(job.FailureReason));
      return job;
    }
    terminal.live(progressLine(progress));
    await sleep(clock, LOOK_MS, signal);
  }
}
