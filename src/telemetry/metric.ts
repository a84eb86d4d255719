/** Which numbers belong together: CloudWatch's identity of a metric. */

/** Names and values, sorted by name: so the same dimensions are the same metric in whatever order they were given. */
export type Dimensions = readonly (readonly [name: string, value: string])[];

export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Dimensions;
}

/** A metric of these dimensions, given in any order. */
export function metricOf(
  namespace: string,
  name: string,
  dimensions: Iterable<readonly [name: string, value: string]>,
): Metric {
  return { namespace, name, dimensions: [...dimensions].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) };
}

/** Equal for equal metrics, and for no others. */
export function metricKey({ namespace, name, dimensions }: Metric): string {
  return JSON.stringify([namespace, name, ...dimensions]);
}
