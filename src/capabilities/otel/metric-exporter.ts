/**
 * Sends what there is to a collector, again and again. Nothing is kept for one that does not answer: values are
 * cumulative, and the next ones say all that those before them said.
 */
import { type Clock, sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { post } from "../../base/webhook.ts";
import type { Family } from "../../telemetry/family.ts";
import { otlpMetrics } from "./otlp-metrics.ts";
import type { OtlpSettings } from "./settings.ts";

export interface MetricExporterOptions {
  readonly settings: OtlpSettings;
  readonly version: string;
  readonly families: () => Promise<readonly Family[]>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A server that ends waits no longer for a collector. */
const LAST_MS = 2000;

export class MetricExporter implements AsyncDisposable {
  readonly #options: MetricExporterOptions;
  readonly #startedAt: number;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #failing = false;

  constructor(options: MetricExporterOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#running = this.#run();
  }

  /** Sends once more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#export(Math.min(LAST_MS, this.#options.settings.timeoutMs));
  }

  async #run(): Promise<void> {
    const { clock, settings } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      await sleep(clock, settings.intervalMs, signal).catch(() => {});
      if (signal.aborted) return;
      await this.#export(settings.timeoutMs, signal);
    }
  }

  async #export(timeoutMs: number, stopping?: AbortSignal): Promise<void> {
    const { clock, settings, version, families, log } = this.#options;
    const { url, headers, resource } = settings;
    const late = new AbortController();
    const cancel = clock.after(timeoutMs, () => late.abort(new Error("no answer in time")));
    const signal = stopping ? AbortSignal.any([late.signal, stopping]) : late.signal;
    try {
      const source = {
        resource: { ...resource, "service.version": version },
        version,
        startedAt: this.#startedAt,
      };
      const body = JSON.stringify(otlpMetrics(await families(), source, clock.now()));
      const sent = await post(url, { ...headers, "content-type": "application/json" }, body, clock, signal);
      if (sent.kind !== "delivered") throw new Error(sent.status ? `status ${sent.status}` : sent.reason);
      if (this.#failing) log.info("Metrics are sent to the collector again.", {});
      this.#failing = false;
    } catch (error) {
      if (stopping?.aborted) return;
      if (!this.#failing) log.warn("Metrics could not be sent to the collector.", { error });
      this.#failing = true;
    } finally {
      cancel();
    }
  }
}
