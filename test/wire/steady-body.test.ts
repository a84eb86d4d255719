import { connect } from "node:net";
import { expect, test } from "vitest";
import { sleep } from "../../src/base/clock.ts";
import { steady } from "../../src/wire/steady-body.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { sign } from "./sign.ts";
import { KEYS, startTestServer } from "./test-server.ts";

/** So many chunks of one size, one every `everyMs`. */
async function* chunks(clock: FakeClock, count: number, bytes: number, everyMs: number) {
  for (let i = 0; i < count; i++) {
    await sleep(clock, everyMs);
    yield Buffer.alloc(bytes);
  }
}

/** Reads all, taking `pauseMs` over each chunk: how many bytes came, or at which time it was given up. */
async function read(clock: FakeClock, body: AsyncIterable<Uint8Array>, pauseMs = 0): Promise<string> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.byteLength;
      if (pauseMs) await sleep(clock, pauseMs);
    }
    return `${bytes} bytes`;
  } catch (error) {
    return `${(error as Error).name} at ${clock.monotonic() / 1000} s`;
  }
}

test.each([
  ["a megabyte at 11 KB/s", 100, 11_000, 1000, 0, "1100000 bytes"],
  ["a megabyte at 9 KB/s", 100, 9000, 1000, 0, "RequestTimeout at 10 s"],
  ["nothing at all", 1, 1, 1e9, 0, "RequestTimeout at 10 s"],
  ["5 bytes in 9 s", 1, 5, 9000, 0, "5 bytes"],
  ["5 bytes, one each 3 s", 5, 1, 3000, 0, "RequestTimeout at 10 s"],
  ["a burst, then nothing", 2, 150_000, 9999, 0, "300000 bytes"],
  ["bytes that wait for us, not we for them", 50, 1000, 10, 5000, "50000 bytes"],
])("%s", async (_what, count, bytes, everyMs, pauseMs, expected) => {
  const clock = new FakeClock();
  const result = read(clock, steady(chunks(clock, count, bytes, everyMs), clock), pauseMs);
  await clock.advance(1e6);
  expect(await result).toBe(expected);
});

test("its source is ended with it, and no timer is left", async () => {
  const clock = new FakeClock();
  let ended = false;
  const source = async function* () {
    try {
      for (;;) yield Buffer.from("x");
    } finally {
      ended = true;
    }
  };
  for await (const _ of steady(source(), clock)) break;
  expect([ended, clock.pending]).toEqual([true, 0]);
});

test("a stalled upload is told in the words of its protocol, and its connection closed", async () => {
  const clock = new FakeClock(Date.now());
  await using server = await startTestServer({ clock });
  const stall = async (service: string, method: string, path: string, payload: string, more = {}) => {
    const { headers } = sign(
      { method, path, headers: more },
      { ...KEYS, service, now: clock.now(), payload },
    );
    const lines = Object.entries({ ...headers, "content-length": "100" }).map(([k, v]) => `${k}: ${v}\r\n`);
    const socket = connect(server.port, "127.0.0.1");
    const answer: Buffer[] = [];
    socket.on("data", (bytes) => answer.push(bytes));
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\nhalf`);
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(10_000);
    while (answer.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(2000);
    await closed;
    return Buffer.concat(answer).toString();
  };
  const s3 = await stall("s3", "PUT", "/b/k", "UNSIGNED-PAYLOAD");
  expect(s3).toMatch(/^HTTP\/1\.1 400 /);
  expect(s3).toContain(
    "<Code>RequestTimeout</Code><Message>Your socket connection to the server was not read",
  );
  const json = await stall("sagemaker", "POST", "/", "", {
    "x-amz-target": "SageMaker.CreateModel",
    "content-type": "application/x-amz-json-1.1",
  });
  expect(json).toMatch(/^HTTP\/1\.1 400 /);
  expect(json).toContain('"__type":"RequestTimeout"');
});
