import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { post, refusedUrl } from "../../src/base/webhook.ts";
import { subscriber } from "../capabilities/sns/serve-sns.ts";

const { signal } = new AbortController();

test.each(["127.0.0.1", "169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "fd00:ec2::254"])(
  "a name that stands for %s",
  async (address) => {
    await using hook = await subscriber();
    const { port } = new URL(hook.url);
    const family = address.includes(":") ? 6 : 4;
    const attempt = await post(`http://inside.example:${port}/`, {}, "x", systemClock, signal, {
      resolveName: (_, __, done) =>
        done(null, [
          { address: "127.0.0.1", family: 4 },
          { address, family },
        ]),
    });
    const wanted = address === "127.0.0.1" ? { kind: "delivered" } : { kind: "refused" };
    expect(attempt).toMatchObject(wanted);
    expect(hook.received).toHaveLength(address === "127.0.0.1" ? 1 : 0);
  },
);

test("addresses in other spellings are the same addresses", () => {
  for (const host of ["2852039166", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "[::ffff:169.254.1.1]"])
    expect(refusedUrl(`http://${host}/`)).toMatch(/link-local/);
  expect(refusedUrl("http://127.0.0.1:8000/")).toBeUndefined();
});

test("a request that the server's stop ends is nobody's failure", async () => {
  await using hook = await subscriber(() => {});
  const stopping = new AbortController();
  const attempt = post(hook.url, {}, "x", systemClock, stopping.signal);
  await hook.got(1);
  stopping.abort(new Error("stopping"));
  await expect(attempt).rejects.toThrow("stopping");
});

test("a header that no request may have is refused, not tried again", async () => {
  const attempt = await post("http://127.0.0.1:1/", { "x,y": "1" }, "x", systemClock, signal);
  expect(attempt.kind).toBe("refused");
});
