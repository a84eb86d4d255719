import { createHash, createHmac, createSecretKey } from "node:crypto";
import { crc32 } from "node:zlib";
import { HeaderMarshaller } from "@smithy/core/event-streams";
import { fromUtf8, toUtf8 } from "@smithy/core/serde";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EVENTS, messages, unsignedEvents } from "../../src/wire/event-frames.ts";
import { bodyOf } from "../../src/wire/http.ts";
import type { Signature } from "../../src/wire/sigv4.ts";

const frame = (text: string) =>
  Buffer.from(
    EVENTS.encode({ headers: { ":event-type": { type: "string", value: "E" } }, body: Buffer.from(text) }),
  );
const read = async <T>(events: AsyncIterable<T>) => Array.fromAsync(events);

describe("messages", () => {
  test("come back, one by one", async () => {
    const found = await read(messages(bodyOf(Buffer.concat([frame("a"), frame("b")]))));
    expect(found.map(({ body }) => Buffer.from(body).toString())).toEqual(["a", "b"]);
  });

  test("a length is not believed beyond what the format allows", async () => {
    const huge = frame("a");
    huge.writeUInt32BE(0xffff_fff0);
    await expect(read(messages(bodyOf(huge)))).rejects.toThrow("4294967280 bytes is not allowed");
    huge.writeUInt32BE(3);
    await expect(read(messages(bodyOf(huge)))).rejects.toThrow("not allowed");
  });

  test("any changed byte, and any cut, is refused", async () => {
    const whole = frame("tide");
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = changed[at]! ^ 1;
      await expect(read(messages(bodyOf(changed)))).rejects.toThrow();
      if (at) await expect(read(messages(bodyOf(whole.subarray(0, at))))).rejects.toThrow();
    }
  });
});

describe("messages of a careless or hostile writer", () => {
  /** With the checksums that it should have. */
  function sealed(edit: (bytes: Buffer) => void): Buffer {
    const bytes = frame("tide");
    edit(bytes);
    bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
    return bytes;
  }
  /** Among other bytes, as it comes from a socket. */
  const amidst = (bytes: Buffer) =>
    Buffer.concat([Buffer.alloc(16), bytes, Buffer.alloc(4096, "s")]).subarray(16, 16 + bytes.length);

  test("headers are not longer than the message", async () => {
    const bytes = sealed((one) => one.writeUInt32BE(one.length, 4));
    await expect(read(messages(bodyOf(amidst(bytes))))).rejects.toThrow("its headers are longer than it is");
  });

  test("a header's value does not go on into other requests' memory", async () => {
    // length, ":event-type", its type, then the length of its value
    const bytes = sealed((one) => one.writeUInt16BE(1000, 12 + 1 + ":event-type".length + 1));
    await expect(read(messages(bodyOf(amidst(bytes))))).rejects.toThrow("An event cannot be read");
  });

  test("what was written is read, however it is cut", async () => {
    const value = fc.oneof(
      fc.string({ maxLength: 300 }).map((value) => ({ type: "string", value }) as const),
      fc.uint8Array({ maxLength: 300 }).map((value) => ({ type: "binary", value }) as const),
      fc.boolean().map((value) => ({ type: "boolean", value }) as const),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((value) => ({ type: "integer", value }) as const),
      fc.date({ noInvalidDate: true }).map((value) => ({ type: "timestamp", value }) as const),
    );
    const name = fc
      .string({ minLength: 1, maxLength: 40, unit: "grapheme-ascii" })
      .filter((one) => one !== "__proto__");
    const message = fc.record({
      headers: fc.dictionary(name, value, { noNullPrototype: true }),
      body: fc.uint8Array({ maxLength: 200 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { maxLength: 3 }),
        fc.integer({ min: 1, max: 50 }),
        async (sent, size) => {
          const bytes = Buffer.concat(sent.map((one) => EVENTS.encode(one)));
          async function* cut() {
            for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
          }
          const found = (await read(messages(cut()))).map(({ headers, body }) => ({
            headers,
            body: Uint8Array.from(body),
          }));
          expect(found).toEqual(sent);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("signed events", () => {
  const sha = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
  const key = createSecretKey(Buffer.from("key"));
  const at = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
  const signature: Signature = {
    principal: { accessKeyId: "", accountId: "", arn: "", userId: "" },
    service: "sagemaker",
    scope: "20260102/us-east-1/sagemaker/aws4_request",
    date: "20260102T030405Z",
    payload: "STREAMING-AWS4-HMAC-SHA256-EVENTS",
    signature: "0".repeat(64),
    key,
    check() {},
  };

  /** Events sealed in a chain that begins with the request's signature. */
  function seal(events: readonly Buffer[]): Buffer {
    let previous = signature.signature;
    const sealed = events.map((event) => {
      const date = sha(
        new HeaderMarshaller(toUtf8, fromUtf8).format({ ":date": { type: "timestamp", value: at } }),
      );
      const text = [
        "AWS4-HMAC-SHA256-PAYLOAD",
        signature.date,
        signature.scope,
        previous,
        date,
        sha(event),
      ].join("\n");
      const mac = createHmac("sha256", key).update(text).digest();
      previous = mac.toString("hex");
      return EVENTS.encode({
        headers: {
          ":date": { type: "timestamp", value: at },
          ":chunk-signature": { type: "binary", value: mac },
        },
        body: event,
      });
    });
    return Buffer.concat(sealed);
  }

  test("are let out of their seals, until the empty one", async () => {
    const body = seal([Buffer.from("one"), Buffer.from("two"), Buffer.alloc(0)]);
    expect((await read(unsignedEvents(bodyOf(body), signature))).map(String)).toHaveLength(2);
  });

  test("are refused with a date that is none", async () => {
    const bytes = EVENTS.encode({
      headers: {
        ":date": { type: "timestamp", value: at },
        ":chunk-signature": { type: "binary", value: Buffer.alloc(32) },
      },
      body: new Uint8Array(),
    });
    const whole = Buffer.from(bytes);
    whole.fill(0x7f, 12 + 1 + ":date".length + 1, 12 + 1 + ":date".length + 1 + 8);
    whole.writeUInt32BE(crc32(whole.subarray(0, -4)), whole.length - 4);
    await expect(read(unsignedEvents(bodyOf(whole), signature))).rejects.toThrow("not signed");
  });

  test("are refused out of order, unsigned, or under another key", async () => {
    const [one, two] = [Buffer.from("one"), Buffer.from("two")];
    const first = seal([one]);
    const second = seal([one, two]).subarray(first.length);
    await expect(read(unsignedEvents(bodyOf(first), signature))).rejects.toThrow("without its last");
    await expect(read(unsignedEvents(bodyOf(second), signature))).rejects.toThrow();
    await expect(read(unsignedEvents(bodyOf(frame("one")), signature))).rejects.toThrow("not signed");
    await expect(
      read(unsignedEvents(bodyOf(first), { ...signature, key: createSecretKey(Buffer.from("other")) })),
    ).rejects.toThrow();
  });
});
