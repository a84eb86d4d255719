import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import { isScrape, scrapeTarget, type ScrapeOptions } from "../../../src/capabilities/prometheus/scrape.ts";

const TOKEN = "correct-horse-battery";

let close = () => {};
afterEach(() => close());

/** Sends a request to a target with these options; tells status, type and text of the answer. */
async function scraped(
  options: Partial<ScrapeOptions>,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<{ status: number; type: string; text: string }> {
  const target = scrapeTarget({
    families: async () => [{ name: "up", type: "gauge", help: "Up.", samples: [{ labels: {}, value: 1 }] }],
    local: true,
    token: undefined,
    allowedHosts: ["models.example"],
    log: silentLog,
    ...options,
  });
  const server = createServer((message, reply) => void target.handle(message, reply));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close = () => server.close();
  const { port } = server.address() as AddressInfo;
  const sent = request({ host: "127.0.0.1", port, path: "/metrics", method, headers, agent: false }).end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const text = Buffer.concat(await answer.toArray()).toString();
  return { status: answer.statusCode!, type: answer.headers["content-type"] ?? "", text };
}

test("a server of this machine alone answers under its own names", async () => {
  const { status, type, text } = await scraped({});
  expect({ status, type }).toEqual({ status: 200, type: "text/plain; version=0.0.4; charset=utf-8" });
  expect(text).toContain("\nup 1\n");
  const open = await scraped({}, { accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" });
  expect(open.type).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
  expect(open.text).toMatch(/# EOF\n$/);
  expect(await scraped({}, {}, "HEAD")).toMatchObject({ status: 200, text: "" });
  expect(await scraped({}, {}, "POST")).toMatchObject({ status: 405 });
});

test.each([
  ["a name that another machine may use", {}, { host: "models.example" }],
  ["a name that is not served", {}, { host: "attacker.example" }],
  ["a web page elsewhere", {}, { origin: "https://attacker.example" }],
  ["a proxy", {}, { "x-forwarded-for": "203.0.113.7" }],
  ["a server that other machines reach", { local: false }, {}],
])("without a token, nothing is told to %s", async (_, options, headers) => {
  const { status, text } = await scraped(options, headers);
  expect(status).toBe(403);
  expect(text).not.toContain("up 1");
});

test("with a token, whoever has it is answered, and nobody else", async () => {
  const options = { local: false, token: TOKEN };
  const authorization = `Bearer ${TOKEN}`;
  expect(await scraped(options, { authorization, host: "models.example" })).toMatchObject({ status: 200 });
  expect(await scraped(options, { authorization, host: "attacker.example" })).toMatchObject({ status: 403 });
  for (const wrong of [{}, { authorization: "Bearer wrong" }, { authorization: TOKEN }])
    expect(await scraped(options, { ...wrong })).toMatchObject({ status: 401 });
});

test("what fails is told in the log, not to the scraper", async () => {
  const families = () => Promise.reject(new Error("the disk is gone"));
  expect(await scraped({ families })).toMatchObject({ status: 500, text: "Metrics could not be read.\n" });
});

test("a bucket of that name can be listed", () => {
  const message = (url: string, authorization?: string) => ({ url, headers: { authorization } }) as never;
  expect(isScrape(message("/metrics"))).toBe(true);
  expect(isScrape(message("/metrics", `Bearer ${TOKEN}`))).toBe(true);
  expect(isScrape(message("/metrics", "AWS4-HMAC-SHA256 Credential=a"))).toBe(false);
  expect(isScrape(message("/metrics?list-type=2"))).toBe(false);
  expect(isScrape(message("/metrics/a"))).toBe(false);
});
