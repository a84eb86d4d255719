/** Event-stream messages: the same however they are cut, read as they were written, and signed ones only by their key. */
import { createSecretKey } from "node:crypto";
import { crc32 } from "node:zlib";
import { HeaderMarshaller } from "@smithy/core/event-streams";
import { fromUtf8, toUtf8 } from "@smithy/core/serde";
import { Denial } from "../../src/wire/denial.ts";
import { EVENTS, messages, unsignedEvents } from "../../src/wire/event-frames.ts";
import { Fault } from "../../src/wire/http.ts";
import { hmac, sha256, type Signature } from "../../src/wire/sigv4.ts";
import { pieces, sizesFor } from "../cuts.ts";
import { attemptAsync, type FuzzTarget, Finding, same } from "../target.ts";

const AT = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
const SIGNATURE: Signature = {
  principal: { accessKeyId: "", accountId: "", arn: "", userId: "" },
  service: "sagemaker",
  scope: "20260102/us-east-1/sagemaker/aws4_request",
  date: "20260102T030405Z",
  payload: "STREAMING-AWS4-HMAC-SHA256-EVENTS",
  signature: "0".repeat(64),
  key: createSecretKey(Buffer.from("key")),
  check() {},
};
const marshaller = new HeaderMarshaller(toUtf8, fromUtf8);

function sealed(...events: string[]): Buffer {
  let previous = SIGNATURE.signature;
  return Buffer.concat(
    events.map((event) => {
      const date = { ":date": { type: "timestamp", value: AT } } as const;
      const text = [
        "AWS4-HMAC-SHA256-PAYLOAD",
        SIGNATURE.date,
        SIGNATURE.scope,
        previous,
        sha256(marshaller.format(date)),
        sha256(event),
      ];
      const mac = hmac(SIGNATURE.key, text.join("\n"));
      previous = mac.toString("hex");
      return EVENTS.encode({
        headers: { ...date, ":chunk-signature": { type: "binary", value: mac } },
        body: Buffer.from(event),
      });
    }),
  );
}
const SEALED = ["tide", "way"];

const plain = EVENTS.encode({
  headers: {
    ":event-type": { type: "string", value: "E" },
    a: { type: "boolean", value: true },
    b: { type: "byte", value: 1 },
    c: { type: "short", value: 2 },
    d: { type: "integer", value: 3 },
    e: { type: "uuid", value: "00000000-0000-4000-8000-000000000000" },
  },
  body: Buffer.from("tide"),
});

export const target: FuzzTarget = {
  seeds: [plain, Buffer.concat([plain, plain]), sealed(...SEALED, ""), sealed("")],
  dictionary: [
    ":date",
    ":chunk-signature",
    ":event-type",
    "\x08\x7f\xff\xff\xff\xff\xff\xff\xff",
    "\x06\0\x20",
  ],
  async run(input) {
    const bytes = withChecksums(input);
    const whole = await read(pieces(bytes, 0));
    same("in pieces", await read(pieces(bytes, ...sizesFor(bytes))), whole);
    const { value } = await attemptAsync(
      () => Array.fromAsync(unsignedEvents(pieces(bytes, 0), SIGNATURE)),
      Fault,
      Denial,
    );
    const events = value?.map((event) => Buffer.from(event).toString());
    if (events?.length && events.join() !== SEALED.join()) throw new Finding(`let in: ${events.join()}`);
  },
};

async function read(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  const { refusal } = await attemptAsync(async () => {
    for await (const { headers, body: event } of messages(body))
      text += `${Object.keys(headers).join()} ${Buffer.from(event).toString("latin1")}\n`;
  }, Fault);
  return `${text}${refusal ? refusal.message : "end"}`;
}

/** Each message with the checksums that it should have, or changes would get no further than those. */
function withChecksums(input: Buffer): Buffer {
  const bytes = Buffer.from(input);
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    bytes.writeUInt32BE(crc32(bytes.subarray(at, at + 8)), at + 8);
    if (length < 16 || at + length > bytes.length) break;
    bytes.writeUInt32BE(crc32(bytes.subarray(at, at + length - 4)), at + length - 4);
    at += length;
  }
  return bytes;
}
