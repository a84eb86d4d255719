import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeFrames,
  type Frame,
  FrameError,
  type FrameLimits,
  FrameReader,
  headOf,
  MAX_FRAME_HEAD,
  textsOf,
} from "../../src/base/frames.ts";

const ALL: FrameLimits = {
  kinds: ["request", "cancel", "pause", "resume", "answer", "data", "goodbye"],
  bodyBytes: 100_000,
};

/** What a reader makes of these chunks. */
function read(chunks: readonly Buffer[], limits = ALL) {
  const frames: Frame[] = [];
  const reader = new FrameReader(limits, (frame) =>
    frames.push({ ...frame, body: Uint8Array.from(frame.body) }),
  );
  for (const chunk of chunks) reader.push(chunk);
  return { frames, atBoundary: reader.atBoundary };
}

const bytesOf = (frames: readonly Frame[]) => Buffer.concat(encodeFrames(frames));
const plain = (frames: readonly Frame[]) => frames.map((frame) => ({ ...frame, body: [...frame.body] }));

const text = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code < 0x7f || code > 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const id = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const head = fc
  .array(text, { minLength: 1, maxLength: 8 })
  .map((texts) => headOf(texts)!)
  .filter((one) => one.length > 0);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.integer({ min: 4000, max: 9000 }).map((length) => new Uint8Array(length).map((_, at) => at)),
);
const none = fc.constant(new Uint8Array());
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ kind: fc.constant("request" as const), id, last: fc.constant(true), head, body }),
  fc.record({ kind: fc.constant("answer" as const), id, last: fc.boolean(), head, body }),
  fc.record({ kind: fc.constant("data" as const), id, last: fc.boolean(), head: fc.constant(""), body }),
  fc.record({
    kind: fc.constantFrom("cancel" as const, "pause" as const, "resume" as const, "goodbye" as const),
    id,
    last: fc.constant(false),
    head: fc.constant(""),
    body: none,
  }),
);

/** The prefix of a frame, field by field. */
function prefix(length: number, code: number, flags: number, headLength: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(7, 4);
  bytes[8] = code;
  bytes[9] = flags;
  bytes.writeUInt16LE(headLength, 10);
  return bytes;
}

describe("frames", () => {
  test("come back as they were, however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        (frames, cuts) => {
          const bytes = bytesOf(frames);
          const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort(
            (a, b) => a - b,
          );
          const chunks = places.slice(1).map((to, at) => bytes.subarray(places[at], to));
          expect(plain(read(chunks).frames)).toEqual(plain(frames));
        },
      ),
    );
  });

  test("may be cut at every position: nothing comes early, nothing is lost", () => {
    const frames: Frame[] = [
      {
        kind: "request",
        id: 1,
        last: true,
        head: headOf(["POST", "/invocations"])!,
        body: Buffer.from("1,2"),
      },
      { kind: "cancel", id: 1, last: false, head: "", body: Buffer.alloc(0) },
      { kind: "data", id: 2 ** 32 - 1, last: true, head: "", body: Buffer.alloc(5000, 9) },
    ];
    const bytes = bytesOf(frames);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { frames: got } = read([bytes.subarray(0, cut), bytes.subarray(cut)]);
      expect(got.length).toBe(3);
      const early = read([bytes.subarray(0, cut)]);
      expect(early.frames.length).toBeLessThan(cut === bytes.length ? 4 : 3);
    }
    expect(plain(read([...bytes].map((byte) => Buffer.from([byte]))).frames)).toEqual(plain(frames));
  });

  test("a body that came in parts begins where any values are aligned", () => {
    for (const head of ["a", "abcd", "x".repeat(63), "x".repeat(64)]) {
      const sent = bytesOf([
        { kind: "request", id: 1, last: true, head, body: new Uint8Array(5000).fill(7) },
      ]);
      let body = new Uint8Array();
      const reader = new FrameReader(ALL, (frame) => (body = frame.body as Uint8Array<ArrayBuffer>));
      for (const part of [sent.subarray(0, 100), sent.subarray(100)]) reader.push(part);
      expect(body.byteOffset % 8).toBe(0);
      expect(body).toEqual(Buffer.alloc(5000, 7));
    }
  });

  test("a reader knows whether it stands between two frames", () => {
    const bytes = bytesOf([{ kind: "answer", id: 1, last: true, head: "200", body: Buffer.from("x") }]);
    expect(read([bytes]).atBoundary).toBe(true);
    for (let cut = 1; cut < bytes.length; cut++)
      expect(read([bytes.subarray(0, cut)]).atBoundary).toBe(false);
  });

  test("small frames leave in one buffer, a large body in its own", () => {
    const small: Frame = { kind: "data", id: 1, last: false, head: "", body: Buffer.alloc(10) };
    const large: Frame = { ...small, body: Buffer.alloc(50_000) };
    expect(encodeFrames([small, small, small]).length).toBe(1);
    const [first, second, third] = encodeFrames([small, large, small]);
    expect([first!.length, third!.length]).toEqual([22 + 12, 22]);
    expect(second).toBe(large.body);
  });

  test.each([
    ["an unknown kind", prefix(0, 8, 0, 0)],
    ["the kind 0", prefix(0, 0, 0, 0)],
    ["unknown flags", prefix(0, 6, 2, 0)],
    ["a head longer than its frame", prefix(3, 5, 1, 4)],
    ["a head too long", prefix(60_000, 5, 1, MAX_FRAME_HEAD + 1)],
    ["a body too long", prefix(100_004, 5, 1, 3)],
    ["a length of 4 GiB", prefix(2 ** 32 - 1, 6, 1, 0)],
    ["an answer without a head", prefix(5, 5, 1, 0)],
    ["a request in parts", prefix(5, 1, 0, 3)],
    ["data with a head", prefix(5, 6, 1, 3)],
    ["a cancel with a payload", prefix(1, 2, 0, 0)],
    ["a pause that is the last", prefix(0, 3, 1, 0)],
  ])("%s is refused at the prefix, however it is cut", (_what, bytes) => {
    const before = process.memoryUsage().arrayBuffers;
    for (let cut = 0; cut < 12; cut++)
      expect(() => read([bytes.subarray(0, cut), bytes.subarray(cut)])).toThrow(FrameError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  test("a kind that the other side has no business with is refused", () => {
    const bytes = bytesOf([{ kind: "request", id: 1, last: true, head: "POST", body: Buffer.alloc(0) }]);
    expect(() => read([bytes], { ...ALL, kinds: ["answer", "data"] })).toThrow(FrameError);
  });

  test("any bytes are frames or a FrameError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          read([Buffer.from(bytes)], { ...ALL, bodyBytes: 1000 });
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
    );
  });
});

describe("heads", () => {
  test("give their texts back", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (texts) => {
        expect(textsOf(headOf(texts)!)).toEqual(texts);
      }),
    );
  });

  test.each([
    ["the end of a line", ["200", "a\nb"]],
    ["a carriage return", ["200", "a\rb"]],
    ["what is not latin1", ["200", "\u20ac"]],
    ["a NUL", ["\0"]],
    ["too much", ["a".repeat(MAX_FRAME_HEAD + 1)]],
  ])("never hold %s", (_what, texts) => {
    expect(headOf(texts)).toBeUndefined();
  });
});
