import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { openRemoteStore } from "../../../src/objects/remote/remote-store.ts";
import { Fault } from "../../../src/wire/http.ts";
import { KEYS, type S3Server, startS3 } from "../../capabilities/s3/s3-server.ts";
import { collected, objectStoreContract } from "../object-store-contract.ts";

const cut = async function* (body: AsyncIterable<Uint8Array>) {
  for await (const chunk of body) {
    yield chunk.subarray(0, 1000);
    throw new Error("the wire is cut");
  }
};
const stall = async function* (body: AsyncIterable<Uint8Array>) {
  for await (const chunk of body) {
    yield chunk.subarray(0, 1000);
    await new Promise<void>((resolve) => systemClock.after(3000, resolve));
    return;
  }
};

const optionsFor = ({ url }: S3Server) => ({
  endpoint: url,
  region: "us-east-1",
  credentials: KEYS,
  forcePathStyle: true,
});

objectStoreContract("a remote store", async () => {
  const server = await startS3();
  const store = openRemoteStore(optionsFor(server));
  return {
    store,
    createBucket: async (name) => void server.store.createBucket(name, "us-east-1"),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});

describe("a remote S3 that fails", () => {
  const bytes = Buffer.alloc(2 << 20, "abcdefg");
  /** What is done to the body of the next answers to GetObject. */
  let faults: ((body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>)[] = [];
  let refusals: Error[] = [];
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3((handlers) => ({
      ...handlers,
      async GetObject(input, context) {
        const refusal = refusals.shift();
        if (refusal) throw refusal;
        const output = await handlers.GetObject!(input, context);
        const fault = faults.shift();
        return fault ? { ...output, Body: fault(output.Body as AsyncIterable<Uint8Array>) } : output;
      },
    }));
    server.store.createBucket("bucket", "us-east-1");
    await server.store.put("bucket", "model", bytes);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const read = async (more = {}) => {
    await using store = openRemoteStore({ ...optionsFor(server), ...more });
    const { body } = await store.get("bucket", "model");
    return await collected(body);
  };

  test("in the middle of a body is asked for the rest", async () => {
    faults = [cut, cut];
    expect(bytes.equals(await read())).toBe(true);
  });
  test("for good is given up", async () => {
    faults = [cut, cut, cut, cut];
    await expect(read()).rejects.toThrow(/aborted|terminated|socket/);
    faults = [];
  });
  test("by silence is asked for the rest", async () => {
    faults = [stall];
    expect(bytes.equals(await read({ idleMs: 200 }))).toBe(true);
  });
  test("with SlowDown is asked again", async () => {
    refusals = [new Fault("SlowDown", "Please reduce your request rate.", 503)];
    expect(bytes.equals(await read())).toBe(true);
  });
  test("to give one version to the end tells so", async () => {
    faults = [cut];
    await using store = openRemoteStore(optionsFor(server));
    const { body } = await store.get("bucket", "model");
    await server.store.put("bucket", "model", Buffer.alloc(2 << 20, "other"));
    await expect(collected(body)).rejects.toThrow(
      'The object "model" in the bucket "bucket" was replaced meanwhile.',
    );
    await server.store.put("bucket", "model", bytes);
  });
});
