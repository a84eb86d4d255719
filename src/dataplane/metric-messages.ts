/** Metrics as gateways send them to control, in JSON. */
import { metricOf } from "../telemetry/metric.ts";
import type { Datum } from "../telemetry/metrics.ts";
import { Packer, Unpacker } from "../telemetry/packing.ts";
import { packPoint, type Point, unpackPoint } from "../telemetry/point.ts";
import { fields, list, number, text } from "./route-shape.ts";

export function writeDatum({ metric, unit, at, resolution, point }: Datum): object {
  const packer = new Packer();
  packPoint(packer, point);
  return { ...metric, unit, at, resolution, point: Buffer.from(packer.packed()).toString("base64") };
}

/** With its sketch, so that one that can not be read is refused. */
function readPoint(packed: string): Point {
  const { sum, count, min, max, sketch } = unpackPoint(new Unpacker(Buffer.from(packed, "base64")));
  return { sum, count, min, max, sketch };
}

/** Throws an Error that says what is wrong with it. */
export function readDatum(value: unknown): Datum {
  const datum = fields(value, "data");
  const resolution = number(datum, "resolution");
  if (resolution !== 1 && resolution !== 60) throw new Error("resolution must be 1 or 60");
  return {
    metric: metricOf(
      text(datum, "namespace"),
      text(datum, "name"),
      list(datum, "dimensions", (pair) => {
        const [name, its] = pair as unknown[];
        if (typeof name !== "string" || typeof its !== "string")
          throw new Error("dimensions must be strings");
        return [name, its] as const;
      }),
    ),
    unit: text(datum, "unit"),
    at: number(datum, "at"),
    resolution,
    point: readPoint(text(datum, "point")),
  };
}
