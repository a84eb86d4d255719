/** Objects of a transform job cut into payloads: nothing lost, nothing twice, within the limit, however the bytes come. */
import { crc32c } from "../../src/capabilities/batch-transform/records/crc32c.ts";
import { contiguous, type Payload } from "../../src/capabilities/batch-transform/records/payload.ts";
import { RecordError } from "../../src/capabilities/batch-transform/records/record-error.ts";
import { RecordPlan } from "../../src/capabilities/batch-transform/records/record-plan.ts";
import { cut, sizesFor } from "../cuts.ts";
import { attempt, type FuzzTarget, Finding, same } from "../target.ts";

const LIMIT = 40;
const SPLITS = ["Line", "RecordIO", "TFRecord", "None"] as const;
const plans = SPLITS.flatMap((SplitType) =>
  (["MultiRecord", "SingleRecord"] as const).flatMap((strategy) =>
    ["text/csv", "text/plain"].map(
      (ContentType) =>
        new RecordPlan({ input: { SplitType, ContentType }, output: {}, strategy, payloadBytes: LIMIT }),
    ),
  ),
);

const part = (flag: number, data: string) =>
  `\x0a\x23\xd7\xce${String.fromCharCode(data.length)}\0\0${String.fromCharCode(flag << 5)}${data.padEnd((data.length + 3) & ~3, "\0")}`;
const tensor = (data: string) => `${String.fromCharCode(data.length)}${"\0".repeat(11)}${data}\0\0\0\0`;

/** The first byte is the plan; the checksums of TFRecords are put right. */
export const target: FuzzTarget = {
  seeds: [
    '\x00a,b\n1,"x\ny"\r\n\n2,""""\n3',
    '\x02"a",\n5" x\n',
    "\x01\n\na\r\nb\n\r",
    `\x04${part(0, "one")}${part(1, "ab")}${part(2, "")}${part(3, "c")}${part(0, "")}`,
    `\x06${part(0, "one")}${part(0, "four")}`,
    `\x08${tensor("one")}${tensor("")}${tensor("three")}`,
    `\x0a${tensor("one")}`,
    "\x0cwhole",
  ],
  dictionary: ["\n", "\r\n", '"', '""', ',"', "\x0a\x23\xd7\xce"],
  run(input) {
    if (input.length === 0) return;
    const plan = plans[input[0]! % plans.length]!;
    const split = SPLITS[Math.floor((input[0]! % plans.length) / 4)]!;
    const many = input[0]! % 4 < 2;
    const object = Buffer.from(input.subarray(1));
    if (split === "TFRecord") sign(object);
    const whole = read(plan, [object]);
    same("in pieces", digest(read(plan, cut(object, ...sizesFor(object)))), digest(whole));

    let position = { offset: 0, record: 1 };
    for (const payload of whole.payloads) {
      const { start, end, records, body, bytes } = payload;
      same("record", start.record, position.record);
      same("next record", end.record, start.record + records);
      const skipped = object.toString("latin1", position.offset, start.offset);
      if (!/^[\r\n]*$/.test(skipped)) throw new Finding(`left out: ${JSON.stringify(skipped)}`);
      same("length", contiguous(body).length, bytes);
      if (bytes > LIMIT) throw new Finding(`a payload of ${bytes} bytes`);
      if (many) same("bytes", contiguous(body).equals(object.subarray(start.offset, end.offset)), true);
      else same("records", records, 1);
      same("one by one", plan.singles(payload).length, records);
      position = end;
    }
    if (whole.refusal) return;
    const rest = object.toString("latin1", position.offset);
    if (!/^[\r\n]*$/.test(rest)) throw new Finding(`left at the end: ${JSON.stringify(rest)}`);
    if (split === "Line" && !object.includes('"')) {
      const lines = object
        .toString("latin1")
        .split("\n")
        .filter((line) => line !== "" && line !== "\r");
      same("lines", position.record - 1, lines.length);
    }
  },
};

interface Outcome {
  readonly payloads: readonly Payload[];
  readonly refusal: RecordError | undefined;
}

function read(plan: RecordPlan, chunks: Iterable<Buffer>): Outcome {
  const cutter = plan.cutter();
  const payloads: Payload[] = [];
  const { refusal } = attempt(() => {
    for (const chunk of chunks) for (const payload of cutter.push(chunk)) payloads.push(payload);
    for (const payload of cutter.end()) payloads.push(payload);
  }, RecordError);
  return { payloads, refusal: refusal as RecordError | undefined };
}

/** A record may be too long before it is seen to be broken: what is said of it may depend on the pieces, not which it is. */
function digest({ payloads, refusal }: Outcome): string {
  const cuts = payloads.map(({ start, end, body }) => [
    start.offset,
    end.offset,
    end.record,
    contiguous(body).toString("latin1"),
  ]);
  return JSON.stringify([cuts, refusal?.record, refusal?.offset]);
}

/** Puts right the checksums of each record that is there as a whole; a length takes one byte. */
function sign(object: Buffer): void {
  for (let at = 0; at + 16 <= object.length;) {
    const data = at + 12;
    const end = data + object[at]!;
    object.fill(0, at + 1, at + 8);
    object.writeUInt32LE(masked(crc32c(0, object, at, at + 8)), at + 8);
    if (end + 4 > object.length) return;
    object.writeUInt32LE(masked(crc32c(0, object, data, end)), end);
    at = end + 4;
  }
}

function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
