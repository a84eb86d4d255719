/**
 * The binary link between the gateway and the built-in model server: many requests share one socket, each under an id.
 *
 *   u32 payload length | u32 id | u8 kind | u8 last | u16 head length | head | body        (little-endian)
 *
 * The gateway sends requests (whole, `last`), and of one that is open: cancel, pause, resume. The server sends one
 * answer per request, then data while it is not `last`; every request gets its last frame, a cancelled one too.
 * A server that is about to end says goodbye: it still answers what is sent before its client ends the connection.
 * A head is a list of latin1 texts, one per line: method, path, then names and values; or status, then names and values.
 */
import type { Writable } from "node:stream";

/** What a frame is for. */
export type FrameKind = "request" | "cancel" | "pause" | "resume" | "answer" | "data" | "goodbye";

export interface Frame {
  readonly kind: FrameKind;
  /** Of the request: chosen by who asks, below 2^32. */
  readonly id: number;
  /** Nothing more follows from this side under this id. */
  readonly last: boolean;
  /** As `headOf` writes it; empty but for requests and answers. */
  readonly head: string;
  readonly body: Uint8Array;
}

/** What a reader takes; all else is a FrameError before anything is allocated for it. */
export interface FrameLimits {
  readonly kinds: readonly FrameKind[];
  readonly bodyBytes: number;
}

/** Bytes that are no frame, or one that is not allowed: the link can not go on. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** As long as a head may be: of what the runtime API lets through, 13 headers of up to 1,024 characters. */
export const MAX_FRAME_HEAD = 16 * 1024;

/** As long as a request's body may be: above what an invocation may carry, 6,291,456 bytes. */
export const MAX_REQUEST_BODY = 8 << 20;

/** As long as a part of an answer may be; longer ones are sent in several, so that they can be paused. */
export const MAX_ANSWER_PART = 1 << 20;

const PREFIX = 12;
/** Below this, a copy costs less than a buffer of its own in the system call. */
const COPIED = 4096;
const ALIGNED = 64;
const NOTHING = Buffer.alloc(0);

const CODES: Readonly<Record<FrameKind, number>> = {
  request: 1,
  cancel: 2,
  pause: 3,
  resume: 4,
  answer: 5,
  data: 6,
  goodbye: 7,
};
const KINDS = Object.keys(CODES) as FrameKind[];

/** Hands frames to a socket as one write; calls back when the last of it is written. */
export function writeFrames(socket: Writable, frames: readonly Frame[], written: () => void): void {
  const buffers = encodeFrames(frames);
  if (buffers.length > 1) socket.cork();
  for (let i = 0; i < buffers.length - 1; i++) socket.write(buffers[i]!);
  socket.write(buffers.at(-1)!, written);
  if (buffers.length > 1) socket.uncork();
}

/** Frames as bytes for one write: everything small in one buffer, large bodies as they are. */
export function encodeFrames(frames: readonly Frame[]): Uint8Array[] {
  const buffers: Uint8Array[] = [];
  for (let from = 0; from < frames.length;) {
    let size = 0;
    let to = from;
    while (to < frames.length) {
      const { head, body } = frames[to++]!;
      size += PREFIX + head.length;
      if (body.byteLength > COPIED) break;
      size += body.byteLength;
    }
    const bytes = Buffer.allocUnsafe(size);
    buffers.push(bytes);
    let at = 0;
    for (; from < to; from++) {
      const { kind, id, last, head, body } = frames[from]!;
      bytes.writeUInt32LE(head.length + body.byteLength, at);
      bytes.writeUInt32LE(id, at + 4);
      bytes[at + 8] = CODES[kind];
      bytes[at + 9] = last ? 1 : 0;
      bytes.writeUInt16LE(head.length, at + 10);
      at += PREFIX;
      bytes.write(head, at, "latin1");
      at += head.length;
      if (body.byteLength > COPIED) buffers.push(body);
      else {
        bytes.set(body, at);
        at += body.byteLength;
      }
    }
  }
  return buffers;
}

/** A head of these texts; undefined when one of them can not be in it or all are too long together. */
export function headOf(texts: readonly string[]): string | undefined {
  for (const text of texts) if (text.includes("\n")) return undefined;
  const head = texts.join("\n");
  return head.length > MAX_FRAME_HEAD || FORBIDDEN.test(head) ? undefined : head;
}

/** The texts of a head. */
export function textsOf(head: string): string[] {
  return head.split("\n");
}

/** Not latin1, or a control character other than the tab and our own end of a line. */
const FORBIDDEN = /[^\t\n\x20-\x7e\x80-\xff]/;

/** Reads frames from chunks of any size. A body may share its memory with the chunk that it came in. */
export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #onFrame: (frame: Frame) => void;
  readonly #prefix = Buffer.alloc(PREFIX);
  /** Bytes of a prefix that came without its end. */
  #prefixed = 0;
  #kind: FrameKind = "data";
  #id = 0;
  #last = false;
  #headLength = 0;
  /** A payload that did not come in one chunk, and how much of it is there. */
  #payload: Buffer | undefined;
  #filled = 0;

  constructor(limits: FrameLimits, onFrame: (frame: Frame) => void) {
    this.#limits = limits;
    this.#onFrame = onFrame;
  }

  /** Calls back for each frame that is whole now. Throws a FrameError, after which the reader is not to be used. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payload) {
        const take = Math.min(this.#payload.length - this.#filled, chunk.length - at);
        chunk.copy(this.#payload, this.#filled, at, at + take);
        this.#filled += take;
        at += take;
        if (this.#filled < this.#payload.length) return;
        const whole = this.#payload;
        this.#payload = undefined;
        this.#emit(whole, 0, whole.length);
        continue;
      }
      let length: number;
      if (this.#prefixed === 0 && chunk.length - at >= PREFIX) {
        length = this.#open(chunk, at);
        at += PREFIX;
      } else {
        const take = Math.min(PREFIX - this.#prefixed, chunk.length - at);
        chunk.copy(this.#prefix, this.#prefixed, at, at + take);
        this.#prefixed += take;
        at += take;
        if (this.#prefixed < PREFIX) return;
        this.#prefixed = 0;
        length = this.#open(this.#prefix, 0);
      }
      if (chunk.length - at >= length) {
        this.#emit(chunk, at, at + length);
        at += length;
      } else {
        // the body begins where values of any type are aligned
        const before = -this.#headLength & (ALIGNED - 1);
        this.#payload = Buffer.allocUnsafeSlow(before + length).subarray(before);
        this.#filled = 0;
      }
    }
  }

  /** Whether the bytes so far end between two frames. */
  get atBoundary(): boolean {
    return this.#prefixed === 0 && this.#payload === undefined;
  }

  /** Takes the prefix at an offset, and returns the payload's length. */
  #open(bytes: Buffer, at: number): number {
    const { kinds, bodyBytes } = this.#limits;
    const length = bytes.readUInt32LE(at);
    const code = bytes[at + 8]!;
    const flags = bytes[at + 9]!;
    const headLength = bytes.readUInt16LE(at + 10);
    const kind = KINDS[code - 1];
    if (kind === undefined || !kinds.includes(kind)) throw new FrameError(`a frame of the kind ${code}`);
    if (flags > 1) throw new FrameError(`a frame with the flags ${flags}`);
    if (headLength > length) throw new FrameError("a head longer than its frame");
    if (headLength > MAX_FRAME_HEAD) throw new FrameError(`a head of ${headLength} bytes`);
    if (length - headLength > bodyBytes) throw new FrameError(`a body of ${length - headLength} bytes`);
    if (kind === "request" || kind === "answer") {
      if (headLength === 0) throw new FrameError("a frame without a head");
      if (kind === "request" && flags !== 1) throw new FrameError("a request in parts");
    } else if (headLength > 0) throw new FrameError(`a head in a frame of the kind ${code}`);
    else if (kind !== "data" && (length > 0 || flags !== 0))
      throw new FrameError(`a payload in a frame of the kind ${code}`);
    this.#kind = kind;
    this.#id = bytes.readUInt32LE(at + 4);
    this.#last = flags === 1;
    this.#headLength = headLength;
    return length;
  }

  #emit(bytes: Buffer, from: number, to: number): void {
    const bodyAt = from + this.#headLength;
    this.#onFrame({
      kind: this.#kind,
      id: this.#id,
      last: this.#last,
      head: this.#headLength === 0 ? "" : bytes.toString("latin1", from, bodyAt),
      body: bodyAt === to ? NOTHING : bytes.subarray(bodyAt, to),
    });
  }
}
