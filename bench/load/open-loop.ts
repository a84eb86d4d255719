/**
 * Load that does not wait: requests are sent when they are due, whatever became of those before, as many independent
 * clients would. A closed loop (generator.ts) slows down with the server, and so never overloads it.
 */
import { percentile } from "../../src/cli/quantities.ts";
import { WireClient } from "./wire-client.ts";

export interface OpenLoop {
  readonly url: string;
  /** Sent in turn. */
  readonly requests: readonly Buffer[];
  readonly perSecond: number;
  readonly milliseconds: number;
  /** A client waits so long, then leaves. */
  readonly deadlineMs: number;
  /** How often a refused client asks again, at once. */
  readonly retries?: number;
}

/** What became of the requests of an open loop; times in ms. */
export interface OpenLoopResult {
  /** Answered 200 within the deadline, per second. */
  readonly goodput: number;
  readonly offered: number;
  readonly answered: number;
  /** Answers 503 or 429. */
  readonly rejected: number;
  /** Not answered within the deadline. */
  readonly late: number;
  /** Other answers, and connections that broke. */
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly rejectedP50: number;
  readonly rejectedP99: number;
}

/** Runs it; the clients' connections are kept for further requests, those of clients that left are closed. */
export async function openLoop(load: OpenLoop): Promise<OpenLoopResult> {
  const url = new URL(load.url);
  const idle: WireClient[] = [];
  const good: number[] = [];
  const rejections: number[] = [];
  let late = 0;
  let failed = 0;
  let next = 0;

  const send = async (retries: number): Promise<void> => {
    const began = performance.now();
    const client = idle.pop() ?? (await WireClient.open(url));
    const request = load.requests[next++ % load.requests.length]!;
    const outcome = await new Promise<number | "late" | "broken">((resolve) => {
      const deadline = setTimeout(() => resolve("late"), load.deadlineMs);
      const end = (outcome: number | "broken") => {
        clearTimeout(deadline);
        resolve(outcome);
      };
      client.ask(request, end, () => end("broken"));
    });
    const took = performance.now() - began;
    if (outcome === "late" || outcome === "broken") {
      client.close();
      if (outcome === "late") late++;
      else failed++;
      return;
    }
    idle.push(client);
    if (outcome === 200) good.push(took);
    else if (outcome !== 503 && outcome !== 429) failed++;
    else {
      rejections.push(took);
      if (retries > 0) await send(retries - 1);
    }
  };

  const running: Promise<void>[] = [];
  const start = performance.now();
  while (performance.now() - start < load.milliseconds) {
    const due = ((performance.now() - start) / 1000) * load.perSecond;
    while (running.length < due) running.push(send(load.retries ?? 0));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const sending = (performance.now() - start) / 1000;
  await Promise.all(running);
  // the last answers came after the last request
  const seconds = (performance.now() - start) / 1000;
  for (const client of idle) client.close();
  good.sort((a, b) => a - b);
  rejections.sort((a, b) => a - b);
  return {
    goodput: good.length / seconds,
    offered: running.length / sending,
    answered: good.length,
    rejected: rejections.length,
    late,
    failed,
    p50: percentile(good, 0.5),
    p99: percentile(good, 0.99),
    rejectedP50: percentile(rejections, 0.5),
    rejectedP99: percentile(rejections, 0.99),
  };
}
