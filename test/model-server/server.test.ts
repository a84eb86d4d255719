import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { Invocations, type ServerSettings } from "../../src/model-server/invocations.ts";
import type { Model } from "../../src/model-server/model.ts";
import { ModelServer } from "../../src/model-server/server.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeModel } from "./fakes.ts";

const serving = (model: Model, settings: ServerSettings) =>
  new Invocations(model, { maxRows: 64, maxDelayMs: 0 }, settings, new FakeClock());

async function listen(
  model?: Model,
  log: string[] = [],
): Promise<{ server: ModelServer; settings: ServerSettings; url: string }> {
  const settings: ServerSettings = {
    maxBodyBytes: 1000,
    batch: false,
    defaultAccept: undefined,
    log: (line) => log.push(line),
  };
  const server = new ModelServer(settings);
  if (model) server.serve(serving(model, settings));
  await new Promise<void>((resolve) => server.http.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.http.closeAllConnections();
    server.http.close();
  });
  return { server, settings, url: `http://127.0.0.1:${(server.http.address() as AddressInfo).port}` };
}
const post = (url: string, body: string, init: RequestInit = {}) =>
  fetch(`${url}/invocations`, { method: "POST", body, headers: { "content-type": "text/csv" }, ...init });

test("is not ready before it has a model", async () => {
  const { server, settings, url } = await listen();
  expect((await fetch(`${url}/ping`)).status).toBe(503);
  const early = await post(url, "1");
  expect([early.status, await early.text()]).toEqual([503, "The model is not loaded yet."]);
  server.serve(serving(new FakeModel((data) => [...data]), settings));
  expect((await fetch(`${url}/ping`)).status).toBe(200);
});

test("a failing model is a 500 in one sentence without a stack, and one line in the log", async () => {
  const log: string[] = [];
  const { url } = await listen(
    new FakeModel(() => {
      throw new Error("The model failed:\n  node 7");
    }),
    log,
  );
  const answer = await post(url, "1");
  expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([
    500,
    "text/plain; charset=utf-8",
    "The model failed:\n  node 7",
  ]);
  expect(log).toEqual(["Request failed: The model failed: node 7"]);
});

test("a caller who has gone is not computed for", async () => {
  const gate = Promise.withResolvers<void>();
  const model = new FakeModel(async (data) => {
    if (data[0] === 1) await gate.promise;
    return [...data];
  });
  const { server, url } = await listen(model);
  const first = post(url, "1");
  while (model.runs.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const arrived = once(server.http, "request");
  const second = connect((server.http.address() as AddressInfo).port, "127.0.0.1");
  second.write(
    "POST /invocations HTTP/1.1\r\nhost: a\r\ncontent-type: text/csv\r\ncontent-length: 1\r\n\r\n2",
  );
  const [, response] = (await arrived) as [unknown, ServerResponse];
  second.destroy();
  await once(response, "close");
  gate.resolve();
  expect(await (await first).text()).toBe("1.0\n");
  expect(await (await post(url, "3")).text()).toBe("3.0\n");
  expect(model.runs).toEqual([1, 1]);
});

test("draining answers what has begun and refuses new connections", async () => {
  const gate = Promise.withResolvers<void>();
  const model = new FakeModel(async (data) => {
    await gate.promise;
    return [...data];
  });
  const { server, url } = await listen(model);
  const begun = post(url, "5");
  while (model.runs.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const drained = server.drain();
  await expect(post(url, "6")).rejects.toThrow("fetch failed");
  gate.resolve();
  expect(await (await begun).text()).toBe("5.0\n");
  await drained;
});
