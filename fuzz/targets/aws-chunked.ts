/** aws-chunked bodies, unsigned and signed, with and without trailers: the same however they are cut. */
import { createSecretKey } from "node:crypto";
import { unchunk } from "../../src/wire/chunked.ts";
import { Denial } from "../../src/wire/denial.ts";
import { Fault } from "../../src/wire/http.ts";
import { hmac, sha256, type Signature } from "../../src/wire/sigv4.ts";
import { pieces, sizesFor } from "../cuts.ts";
import { attemptAsync, type FuzzTarget, same } from "../target.ts";

const MODES = [
  "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
];
const TRAILER = "x-amz-checksum-crc32";

const signatureOf = (mode: number): Signature => ({
  principal: { accessKeyId: "", accountId: "", arn: "", userId: "" },
  service: "s3",
  scope: "20260102/us-east-1/s3/aws4_request",
  date: "20260102T030405Z",
  payload: MODES[mode]!,
  signature: "0".repeat(64),
  key: createSecretKey(Buffer.from("key")),
  check() {},
});

/** What the sender of `chunks` would have put on the wire. */
function body(mode: number, ...chunks: string[]): string {
  const { key, date, scope, signature } = signatureOf(mode);
  let previous = signature;
  const seal = (kind: string, ...hashes: string[]) =>
    (previous = hmac(key, [`AWS4-HMAC-SHA256-${kind}`, date, scope, previous, ...hashes].join("\n")).toString(
      "hex",
    ));
  const framed = [...chunks, ""].map((chunk) => {
    const signed = mode ? `;chunk-signature=${seal("PAYLOAD", sha256(""), sha256(chunk))}` : "";
    return `${chunk.length.toString(16)}${signed}\r\n${chunk}${chunk ? "\r\n" : ""}`;
  });
  const trailer = mode === 1 ? "" : `${TRAILER}:AAAAAA==\n`;
  const sealed = mode === 2 ? `x-amz-trailer-signature:${seal("TRAILER", sha256(trailer))}\r\n` : "";
  const length = String.fromCharCode(chunks.join("").length);
  return `${mode}${length}${framed.join("")}${trailer.replace("\n", "\r\n")}${sealed}\r\n`;
}

const SIGNATURES = [0, 1, 2].map(signatureOf);
/** What was signed: mode and content. */
const SIGNED = new Set(["1:tide", "1:tideway", "1:", "2:tide", "2:tideway"]);

/** The first byte is the mode, the second the length that the headers promise. */
export const target: FuzzTarget = {
  seeds: [
    body(0, "tide", "way"),
    body(0),
    body(1, "tide"),
    body(1, "tide", "way"),
    body(1),
    body(2, "tide"),
    body(2, "tide", "way"),
  ],
  dictionary: [
    "\r\n",
    "0\r\n",
    "ffffffffff\r\n",
    `${TRAILER}:`,
    "x-amz-trailer-signature:",
    ";chunk-signature=",
  ],
  async run(input) {
    if (input.length < 2) return;
    const mode = input[0]! % 3;
    const bytes = input.subarray(2);
    const first = await read(mode, input[1]!, pieces(bytes, 0));
    same("in pieces", await read(mode, input[1]!, pieces(bytes, ...sizesFor(bytes))), first);
    if (mode === 0 && first.startsWith("ok "))
      same("content", first.slice(3).split("|")[0], unframed(bytes.toString("latin1")));
    if (mode && first.startsWith("ok "))
      same("signed", SIGNED.has(`${mode}:${first.slice(3).split("|")[0]}`), true);
  },
};

/** The content of unsigned chunks that follow each other as they must. */
function unframed(text: string): string {
  let content = "";
  for (let at = 0; ;) {
    const [line = "", size = ""] = /^([\da-f]+)\r\n/i.exec(text.slice(at, at + 20)) ?? [];
    const length = Number.parseInt(size, 16);
    if (!length) return size ? content : "no size";
    at += line.length;
    content += text.slice(at, at + length);
    if (text.slice(at + length, at + length + 2) !== "\r\n") return "no end";
    at += length + 2;
  }
}

async function read(mode: number, length: number, body: AsyncIterable<Uint8Array>): Promise<string> {
  const trailers = new Map<string, string>();
  const framing = { length, trailers: mode === 1 ? [] : [TRAILER] };
  const { value, refusal } = await attemptAsync(
    async () => Buffer.concat(await Array.fromAsync(unchunk(body, SIGNATURES[mode]!, framing, trailers))),
    Fault,
    Denial,
  );
  return value
    ? `ok ${value.toString("latin1")}|${[...trailers].join()}`
    : `${refusal?.name} ${refusal?.message}`;
}
