/** What the rest of the platform sees of metrics: a place to put them, a place to ask for them. */
import type { Metric } from "./metric.ts";
import type { Point } from "./point.ts";

export interface Datum {
  readonly metric: Metric;
  /** One of CloudWatch's units; "None" where there is none. */
  readonly unit: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Seconds: 1 keeps it by the second (for three hours), 60 by the minute. */
  readonly resolution: 1 | 60;
  readonly point: Point;
}

/** Who put some data, so that what is sent again is not counted again. */
export interface Sender {
  /** A new one for each start of a process. */
  readonly id: string;
  /** Grows with each batch; a batch that does not exceed the last one of this sender is ignored. */
  readonly sequence: number;
}

/** Where data go that must not be lost. */
export interface MetricStorage {
  /**
   * All of the data or none of it; resolves once no kill of the process can undo it. Data of one turn of the event loop
   * share a commit. Rejects with TooManySeries, or with StorageFull when the disk is full. What a sender has of series
   * that would be too many is left out instead, and told in the log.
   */
  put(data: readonly Datum[], sender?: Sender): Promise<void>;
}

/** Where a part of control tells what it measured: never fails, never waits. A kill of control loses a second of it. */
export interface MetricSink {
  record(metric: Metric, unit: string, value: number, resolution?: 1 | 60): void;
}

export interface MetricQuery {
  readonly metric: Metric;
  /** Only what was put with this unit. */
  readonly unit?: string;
  /** Milliseconds since the epoch, inclusive. Periods are counted from here: round it first, as the caller needs it. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Seconds. What is kept only by a longer one (by age, or since it was put so) is left out, as in CloudWatch. */
  readonly period: number;
}

/** A period in which there are data. */
export interface Bucket extends Point {
  /** Milliseconds since the epoch. */
  readonly start: number;
}

/** What a metric has of one unit. */
export interface Series {
  readonly unit: string;
  /** By time; periods without data are not among them. */
  readonly buckets: readonly Bucket[];
}

export interface MetricFilter {
  readonly namespace?: string;
  readonly name?: string;
  /** Each must be there; with this value, where one is given. */
  readonly dimensions?: readonly (readonly [name: string, value: string | undefined])[];
  /** Only metrics that were put to since then; two weeks ago in CloudWatch, or three hours. */
  readonly putSince?: number;
}

export interface MetricReader {
  /** One for each unit that has data; none is no data. */
  query(query: MetricQuery): readonly Series[];
  /** In an order that does not change: by namespace, name, dimensions. */
  list(filter?: MetricFilter): Metric[];
}

/** How full the store is. */
export interface MetricStorageStatus {
  readonly series: number;
  readonly maxSeries: number;
  readonly bytes: number;
  readonly maxBytes: number;
  /** 1 while everything is kept as long as CloudWatch keeps it; less when the size made it shorter. */
  readonly retention: number;
}

/** A metric that would be one too many; those that exist go on. */
export class TooManySeries extends Error {
  override readonly name = "TooManySeries";
  constructor(max: number) {
    super(
      `There are ${max} metrics already, which is as many as this server keeps: a metric is each combination of ` +
        "namespace, name, dimensions and unit. Those without data for 455 days are forgotten.",
    );
  }
}
