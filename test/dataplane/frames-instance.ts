/** Instances that speak frames, for the tests: one that a handler answers for, and one that says raw bytes. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeFrames, type Frame, FrameReader, headOf } from "../../src/base/frames.ts";

export interface FramesInstance extends AsyncDisposable {
  readonly path: string;
  readonly sockets: Set<Socket>;
  /** Like kill -9: every connection breaks, and no new one is taken. */
  readonly kill: () => Promise<void>;
}

/** An instance that gets each chunk of bytes. */
export async function rawFramesInstance(
  onData: (socket: Socket, bytes: Buffer) => void,
): Promise<FramesInstance> {
  const folder = await mkdtemp(join(tmpdir(), "tideway-frames-"));
  const path = join(folder, "f");
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket
      .on("error", () => {})
      .on("close", () => sockets.delete(socket))
      .on("data", (bytes: Buffer) => onData(socket, bytes));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const kill = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
    await rm(folder, { recursive: true, force: true });
  };
  return {
    path,
    sockets,
    kill,
    [Symbol.asyncDispose]: () => (server.listening ? kill() : Promise.resolve()),
  };
}

/** An instance that gets each frame. */
export function framesInstance(onFrame: (frame: Frame, socket: Socket) => void): Promise<FramesInstance> {
  const readers = new WeakMap<Socket, FrameReader>();
  return rawFramesInstance((socket, bytes) => {
    let reader = readers.get(socket);
    if (!reader) {
      const kinds = ["request", "cancel", "pause", "resume"] as const;
      reader = new FrameReader({ kinds, bodyBytes: 1 << 24 }, (frame) => onFrame(frame, socket));
      readers.set(socket, reader);
    }
    reader.push(bytes);
  });
}

/** Sends frames at once. */
export function say(socket: Socket, ...frames: Partial<Frame>[]): boolean {
  return socket.write(bytesOf(...frames));
}

/** Frames as bytes, with the parts that a test does not care about filled in. */
export function bytesOf(...frames: Partial<Frame>[]): Buffer {
  const whole = frames.map((frame) => ({
    kind: "answer" as const,
    id: 1,
    last: true,
    head: "",
    body: new Uint8Array(),
    ...frame,
  }));
  return Buffer.concat(encodeFrames(whole));
}

export const OK = headOf(["200", "content-type", "text/plain"])!;
