/** Points of one series and tier that lie together in time, in one piece of bytes. */
import { Packer, Unpacker } from "./packing.ts";
import { Accumulator, packPoint, type Point, unpackPoint } from "./point.ts";

/** Points by their start, in seconds since the epoch. */
export type Points = Map<number, Point>;

/** Adds a point to what is there at that time; it may be changed by what is added later. */
export function addPoint(points: Points, start: number, point: Point): void {
  const known = points.get(start);
  if (!known) return void points.set(start, point);
  if (known instanceof Accumulator) return known.merge(point);
  const both = new Accumulator();
  both.merge(known);
  both.merge(point);
  points.set(start, both);
}

/** The points as bytes; their times count from the chunk's start. */
export function packChunk(points: Points, chunkStart: number, period: number): Uint8Array {
  const packer = new Packer();
  let last = chunkStart;
  for (const [start, point] of [...points].sort(([a], [b]) => a - b)) {
    packer.whole((start - last) / period);
    packPoint(packer, point);
    last = start;
  }
  return packer.packed();
}

/** The points in a chunk, by time. */
export function* unpackChunk(
  bytes: Uint8Array,
  chunkStart: number,
  period: number,
): Generator<[start: number, point: Point]> {
  const unpacker = new Unpacker(bytes);
  let start = chunkStart;
  while (!unpacker.done) {
    start += unpacker.whole() * period;
    yield [start, unpackPoint(unpacker)];
  }
}
