import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32c } from "../../../../src/capabilities/batch-transform/records/crc32c.ts";
import { Lines } from "../../../../src/capabilities/batch-transform/records/lines.ts";
import { contiguous, type Payload } from "../../../../src/capabilities/batch-transform/records/payload.ts";
import {
  type CutterSettings,
  PayloadCutter,
} from "../../../../src/capabilities/batch-transform/records/payload-cutter.ts";
import { RecordError } from "../../../../src/capabilities/batch-transform/records/record-error.ts";
import { RecordIo } from "../../../../src/capabilities/batch-transform/records/recordio.ts";
import {
  type RecordSplitter,
  WholeObject,
} from "../../../../src/capabilities/batch-transform/records/record-splitter.ts";
import { TfRecord } from "../../../../src/capabilities/batch-transform/records/tfrecord.ts";
import { recordIo, tfRecord } from "./framings.ts";

const MANY = (limitBytes: number): CutterSettings => ({ limitBytes, many: true, bare: false });
const SINGLE = (limitBytes: number): CutterSettings => ({ limitBytes, many: false, bare: true });

/** What an object is cut into, and what ended it early. */
function cut(
  splitter: RecordSplitter,
  settings: CutterSettings,
  object: Buffer,
  sizes: readonly number[] = [],
) {
  const cutter = new PayloadCutter(splitter, settings);
  const payloads: Payload[] = [];
  let failure: RecordError | undefined;
  try {
    for (let at = 0, turn = 0; at < object.length; turn++) {
      const size = sizes.length ? sizes[turn % sizes.length]! : object.length;
      for (const payload of cutter.push(object.subarray(at, at + size))) payloads.push(payload);
      at += size;
    }
    for (const payload of cutter.end()) payloads.push(payload);
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    failure = error;
  }
  return { payloads, texts: payloads.map(({ body }) => contiguous(body).toString("latin1")), failure };
}

const lines = (text: string, settings: CutterSettings, csv = true) =>
  cut(new Lines(csv), settings, Buffer.from(text, "latin1"));

describe("lines", () => {
  test.each([
    ["the last line may lack its end", "a\nb\nc", ["a", "b", "c"]],
    ["CRLF is one line end", "a\r\nb\r\n", ["a", "b"]],
    ["a carriage return alone is none", "a\rb\n", ["a\rb"]],
    ["blank lines are no records", "\n\r\na\n\n\r\nb\n\n", ["a", "b"]],
    ["half a line end is none either", "a\n\r", ["a"]],
    ["an empty object has no records", "", []],
    ["a newline in quotes ends no record", '1,"x\ny",2\n3', ['1,"x\ny",2', "3"]],
    ["doubled quotes stay in quotes", '"a""\n""b"\nc', ['"a""\n""b"', "c"]],
    ["a quote within a field means nothing", '5" pipe,1\n6" pipe,2\n', ['5" pipe,1', '6" pipe,2']],
    ["nor does one behind a quoted field", '"a"x"\nb', ['"a"x"', "b"]],
    ["bytes that are no UTF-8 pass", "\xff\xfe\n\x80", ["\xff\xfe", "\x80"]],
  ])("%s", (_, text, records) => {
    expect(lines(text, SINGLE(100))).toMatchObject({ texts: records, failure: undefined });
  });

  test("outside CSV a quote means nothing", () => {
    expect(lines('"a\nb"\n', SINGLE(100), false).texts).toEqual(['"a', 'b"']);
  });

  test("a payload has as many records as fit, as they lie in the object", () => {
    const { payloads, texts } = lines("aa\r\nbb\r\n\ncc\ndd", MANY(9));
    expect(texts).toEqual(["aa\r\nbb\r\n\n", "cc\ndd"]);
    expect(payloads).toMatchObject([
      { start: { offset: 0, record: 1 }, end: { offset: 9, record: 3 }, records: 2, bytes: 9 },
      { start: { offset: 9, record: 3 }, end: { offset: 14, record: 5 }, records: 2, bytes: 5 },
    ]);
  });

  test("an object that ends within quotes is refused, with the record that begins there", () => {
    const { texts, failure } = lines('a\nb,"c\nd\n', MANY(100));
    expect(texts).toEqual(["a\n"]);
    expect(failure).toMatchObject({ record: 2, offset: 2 });
    expect(failure!.message).toBe(
      "Record 2, which begins at byte 2, is not complete: the object ends within quotes.",
    );
  });

  test("a record that is too long is refused behind all that came before it", () => {
    for (const settings of [MANY(4), SINGLE(4)]) {
      const { texts, failure } = lines("a\nb\nccccccc\nd\n", settings);
      expect(texts.join("").replaceAll("\n", "")).toBe("ab");
      expect(failure!.message).toBe(
        "Record 3, which begins at byte 4, is larger than a payload may be, which is 4 bytes (MaxPayloadInMB).",
      );
    }
  });

  test("a payload may aim at less than it may be, and a longer record goes alone", () => {
    const { texts, failure } = cut(
      new Lines(true),
      { ...MANY(6), aimBytes: 4 },
      Buffer.from("a\nb\nc\nddddd\ne\nfffffff\n"),
      [3],
    );
    expect(texts).toEqual(["a\nb\n", "c\n", "ddddd\n", "e\n"]);
    expect(failure).toMatchObject({ record: 6 });
  });

  test("a record that does not end is refused as soon as it is too long", () => {
    const cutter = new PayloadCutter(new Lines(true), MANY(1000));
    const push = () => Array.from(cutter.push(Buffer.alloc(600, "a")));
    expect(push()).toEqual([]);
    expect(push).toThrow("Record 1, which begins at byte 0, is larger than a payload may be");
  });

  test("a record that goes alone may be as long as a payload without its line end", () => {
    expect(lines("aaaa\r\nbbbb\n", SINGLE(4)).texts).toEqual(["aaaa", "bbbb"]);
  });

  test("the second half of an object gives what the whole one does", () => {
    const object = Buffer.from('a\n"b\n",1\nc\n\nd\n');
    const whole = cut(new Lines(true), MANY(8), object).payloads;
    for (const { end } of whole) {
      const cutter = new PayloadCutter(new Lines(true), MANY(8), end);
      const rest = [...cutter.push(object.subarray(end.offset)), ...cutter.end()];
      expect(rest).toEqual(whole.filter(({ start }) => start.offset >= end.offset));
    }
  });

  test("quotes are read as a reader of all CSV at once reads them", () => {
    const field = fc.oneof(
      fc.stringMatching(/^[a-c '"]?[a-c ']{0,3}$/).filter((text) => !text.startsWith('"')),
      fc.stringMatching(/^[a-c,\n"]{0,5}$/).map((text) => `"${text.replaceAll('"', '""')}"`),
    );
    const row = fc.array(field, { minLength: 1, maxLength: 4 }).map((fields) => fields.join(","));
    const rows = fc.array(
      row.filter((text) => text !== ""),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(rows, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (given, sizes) => {
        const object = Buffer.from(given.map((text) => `${text}\n`).join(""));
        expect(cut(new Lines(true), SINGLE(1000), object, sizes)).toMatchObject({
          texts: given,
          failure: undefined,
        });
      }),
    );
  });
});

describe("whole objects", () => {
  test("an object is its record, be it empty", () => {
    expect(cut(new WholeObject(), MANY(5), Buffer.from("a\nb"), [1]).texts).toEqual(["a\nb"]);
    expect(cut(new WholeObject(), MANY(5), Buffer.alloc(0)).payloads).toMatchObject([
      { records: 1, bytes: 0, end: { offset: 0, record: 2 } },
    ]);
    expect(cut(new WholeObject(), MANY(2), Buffer.from("a\nb")).failure).toMatchObject({ record: 1 });
  });
});

describe("RecordIO", () => {
  const MAGIC = Buffer.from("0a23d7ce", "hex");
  const records = [
    Buffer.from("one"),
    Buffer.alloc(0),
    Buffer.concat([MAGIC, Buffer.from("ab"), MAGIC, MAGIC]),
  ];

  test("alone, records lose framing and padding; together they keep it", () => {
    const object = Buffer.concat(records.map(recordIo));
    expect(cut(new RecordIo(), SINGLE(100), object, [3]).payloads.map(({ body }) => body[0])).toEqual(
      records,
    );
    const [payload, ...more] = cut(new RecordIo(), MANY(1000), object, [5]).payloads;
    expect(contiguous(payload!.body)).toEqual(object);
    expect(more).toEqual([]);
  });

  test.each([
    [
      "a wrong magic number",
      (object: Buffer) => object.fill(0, 12, 16),
      /has 0x00000000 where the magic number 0xced7230a/,
    ],
    [
      "a continuation without a beginning",
      (object: Buffer) => object.writeUInt32LE(0x60000003, 16),
      /its part 1 has the continuation flag 3/,
    ],
    [
      "a length beyond the end",
      (object: Buffer) => object.writeUInt32LE(0x1000, 16),
      /is not complete: the object ends within it/,
    ],
  ])("%s", (_, damage, problem) => {
    const object = Buffer.concat([recordIo(Buffer.from("one")), recordIo(Buffer.from("two"))]);
    damage(object);
    const { texts, failure } = cut(new RecordIo(), SINGLE(1 << 20), object, [7]);
    expect(texts).toEqual(["one"]);
    expect(failure).toMatchObject({ record: 2, offset: 12 });
    expect(failure!.message).toMatch(problem);
  });
});

describe("TFRecord", () => {
  test("the checksum is CRC-32C", () => {
    expect(crc32c(0, Buffer.from("123456789"))).toBe(0xe3069283);
    expect(crc32c(crc32c(0, Buffer.from("1234")), Buffer.from("56789"))).toBe(0xe3069283);
  });

  test.each([
    ["a wrong length", 20, "is no TFRecord: the checksum of its length is wrong"],
    ["damaged data", 34, "is damaged: the checksum of its data is wrong"],
    ["a damaged checksum", 36, "is damaged: the checksum of its data is wrong"],
  ])("%s", async (_, at, problem) => {
    const object = Buffer.concat([await tfRecord(Buffer.from("one")), await tfRecord(Buffer.from("two!"))]);
    object[at]! ^= 1;
    const { texts, failure } = cut(new TfRecord(), SINGLE(100), object, [4]);
    expect(texts).toEqual(["one"]);
    expect(failure!.message).toBe(`Record 2, which begins at byte 19, ${problem}.`);
  });

  test("an object that breaks off is refused", async () => {
    const whole = await tfRecord(Buffer.from("one"));
    for (let length = 1; length < whole.length; length++)
      expect(cut(new TfRecord(), MANY(100), whole.subarray(0, length)).failure!.message).toBe(
        "Record 1, which begins at byte 0, is not complete: the object ends within it.",
      );
  });
});

describe("every format", () => {
  const data = fc.array(
    fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 10 },
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
  const FORMATS: Record<
    string,
    { splitter: () => RecordSplitter; frame: (bytes: Buffer) => Promise<Buffer> }
  > = {
    Line: {
      splitter: () => new Lines(false),
      frame: async (bytes: Buffer) =>
        Buffer.concat([Buffer.from(`x${bytes.toString("hex")}`), Buffer.from("\n")]),
    },
    RecordIO: { splitter: () => new RecordIo(), frame: async (bytes) => recordIo(bytes) },
    TFRecord: { splitter: () => new TfRecord(), frame: tfRecord },
  };

  test.each(Object.entries(FORMATS))(
    "%s: payloads do not depend on how the bytes came",
    async (_, { splitter, frame }) => {
      await fc.assert(
        fc.asyncProperty(data, sizes, fc.integer({ min: 80, max: 200 }), async (given, pieces, limit) => {
          const framed = await Promise.all(given.map(frame));
          const object = Buffer.concat(framed);
          const { payloads, failure } = cut(splitter(), MANY(limit), object, pieces);
          expect(failure).toBeUndefined();
          expect(Buffer.concat(payloads.flatMap(({ body }) => body))).toEqual(object);
          let record = 1;
          let offset = 0;
          for (const { start, end, records, body, bytes } of payloads) {
            expect(start).toEqual({ offset, record });
            expect(contiguous(body).length).toBe(bytes);
            expect(bytes).toBeLessThanOrEqual(limit);
            expect(bytes).toBe(
              framed.slice(record - 1, record - 1 + records).reduce((sum, { length }) => sum + length, 0),
            );
            record += records;
            offset += bytes;
            expect(end).toEqual({ offset, record });
            // One more would not have fitted.
            expect(bytes + (framed[record - 1]?.length ?? Infinity)).toBeGreaterThan(limit);
          }
          expect(record - 1).toBe(given.length);
          const alone = cut(
            splitter(),
            { limitBytes: limit, many: false, bare: false },
            object,
            pieces,
          ).payloads;
          expect(alone.map(({ body }) => contiguous(body))).toEqual(framed);
        }),
      );
    },
  );
});
