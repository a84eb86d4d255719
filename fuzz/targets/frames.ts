/** Frames of the link to the built-in model server: the same however they are cut, and written as they were read. */
import { encodeFrames, type Frame, FrameError, FrameReader } from "../../src/base/frames.ts";
import { cut, sizesFor } from "../cuts.ts";
import { attempt, type FuzzTarget, same } from "../target.ts";

const BODY_BYTES = 64;
const frame = (kind: Frame["kind"], id: number, last: boolean, head = "", body = "") =>
  Buffer.concat(encodeFrames([{ kind, id, last, head, body: Buffer.from(body) }])).toString("latin1");

export const target: FuzzTarget = {
  seeds: [
    frame("request", 1, true, "POST\n/invocations\ncontent-type\ntext/csv", "1,2,3"),
    frame("answer", 1, false, "200\ncontent-type\ntext/csv") +
      frame("data", 1, false, "", "0.5") +
      frame("data", 1, true),
    frame("cancel", 0xffffffff, false) +
      frame("pause", 2, false) +
      frame("resume", 2, false) +
      frame("goodbye", 0, false),
    frame("answer", 2, true, "500", "e".repeat(BODY_BYTES)),
  ],
  run(input) {
    const whole = read(input, 0);
    same("in pieces", read(input, ...sizesFor(input)).text, whole.text);
    const written = Buffer.concat(encodeFrames(whole.frames));
    same("written again", written.equals(input.subarray(0, written.length)), true);
  },
};

function read(input: Buffer, ...sizes: number[]): { frames: readonly Frame[]; text: string } {
  const frames: Frame[] = [];
  let text = "";
  const reader = new FrameReader(
    { kinds: ["request", "cancel", "pause", "resume", "answer", "data", "goodbye"], bodyBytes: BODY_BYTES },
    (one) => {
      frames.push({ ...one, body: Buffer.from(one.body) });
      text += `${one.kind} ${one.id} ${one.last} ${one.head} ${Buffer.from(one.body).toString("latin1")}\n`;
    },
  );
  const { refusal } = attempt(() => {
    for (const piece of cut(input, ...sizes)) reader.push(piece);
  }, FrameError);
  return { frames, text: `${text}${refusal ? refusal.message : reader.atBoundary}` };
}
