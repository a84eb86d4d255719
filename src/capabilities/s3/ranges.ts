import { Fault } from "../../wire/http.ts";

/** From `start` up to and without `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The one stretch that a Range header asks for; undefined for the whole object, also when the header makes no
 * sense or names several ranges (RFC 9110 14.2 lets a server ignore it). Throws InvalidRange.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "") ?? [];
  if (!first && !last) return undefined;
  if (first && last && Number(first) > Number(last)) return undefined;
  const start = first ? Number(first) : Math.max(0, size - Number(last));
  const end = first && last ? Math.min(Number(last) + 1, size) : size;
  if (start >= end) throw notSatisfiable(header!, size);
  return { start, end };
}

/** The range of an UploadPartCopy, which must lie in the object whole. */
export function parseCopyRange(header: string | undefined, size: number): ByteRange {
  if (header === undefined) return { start: 0, end: size };
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header) ?? [];
  const [start, end] = [Number(first), Number(last) + 1];
  if (!(start < end))
    throw new Fault(
      "InvalidArgument",
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
      400,
      { ArgumentName: "x-amz-copy-source-range", ArgumentValue: header },
    );
  if (end > size)
    throw new Fault(
      "InvalidArgument",
      `Range specified is not valid for source object of size: ${size}`,
      400,
      {
        ArgumentName: "x-amz-copy-source-range",
        ArgumentValue: header,
      },
    );
  return { start, end };
}

function notSatisfiable(RangeRequested: string, size: number): Fault {
  return new Fault("InvalidRange", "The requested range is not satisfiable", 416, {
    RangeRequested,
    ActualObjectSize: String(size),
  });
}
