import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { warmCall, warmInput } from "../../../src/compute/process/warm-call.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));
function folder(files: Readonly<Record<string, string | Buffer>> = {}): string {
  const path = mkdtempSync(join(tmpdir(), "tideway-warm-"));
  folders.push(path);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

describe("the input", () => {
  test.each([
    ["there is none", {}, {}, undefined],
    ["a file", {}, { "warmup.csv": "1,2" }, ["1,2", "text/csv"]],
    ["JSON before CSV", {}, { "warmup.csv": "1,2", "warmup.json": "[1]" }, ["[1]", "application/json"]],
    [
      "the Environment before files",
      { TIDEWAY_WARMUP_BODY: "x", TIDEWAY_WARMUP_CONTENT_TYPE: "text/plain" },
      { "warmup.csv": "1,2" },
      ["x", "text/plain"],
    ],
    ["an empty one", { TIDEWAY_WARMUP_BODY: "" }, {}, ["", "application/json"]],
  ])("%s", async (_what, environment, files, expected) => {
    const input = await warmInput(environment, folder(files));
    expect(input && [input.body.toString(), input.contentType]).toEqual(expected);
  });

  test("one that no caller could send", async () => {
    await expect(warmInput({}, folder({ "warmup.csv": Buffer.alloc(6_291_457) }))).rejects.toThrow(
      "warmup.csv has 6291457 bytes; an invocation may have 6291456.",
    );
  });
});

describe("the call", () => {
  const input = { body: Buffer.from("1,2"), contentType: "text/csv" };

  async function against(
    handler: RequestListener,
    clock = systemClock,
    signal = new AbortController().signal,
  ) {
    const path = join(folder(), "socket");
    const server = createServer(handler);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      return await warmCall({ kind: "unix", path }, input, clock, signal);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  test("is an invocation, and warm at its end", async () => {
    let seen = "";
    const result = await against((request, reply) => {
      seen = `${request.method} ${request.url} ${request.headers["content-type"]} `;
      request.on("data", (bytes: Buffer) => (seen += bytes.toString())).on("end", () => reply.end("3"));
    });
    expect([seen, result]).toEqual(["POST /invocations text/csv 1,2", { kind: "warm" }]);
  });

  test.each([
    [415, { kind: "refused", message: "The model refused its warm-up request with HTTP 415." }],
    [500, { kind: "failed", failure: { message: expect.stringContaining("answered with HTTP 500.") } }],
    [302, { kind: "failed" }],
  ])("answered with %i", async (status, expected) => {
    expect(await against((_request, reply) => void reply.writeHead(status).end("no"))).toMatchObject(
      expected,
    );
  });

  test("broken off, never answered, not to be waited for any more", async () => {
    expect(
      await against((_request, reply) => void reply.writeHead(200).write("x", () => reply.destroy())),
    ).toMatchObject({
      kind: "failed",
    });
    const clock = new FakeClock();
    const hanging = against(() => void clock.advance(60_000), clock);
    expect(await hanging).toMatchObject({
      failure: { reason: "crash", message: expect.stringContaining("failed (no answer within 60 s)") },
    });
    const stop = new AbortController();
    expect(await against(() => stop.abort(), systemClock, stop.signal)).toMatchObject({ kind: "failed" });
    expect(clock.pending).toBe(0);
  });
});
