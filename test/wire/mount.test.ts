import * as sts from "@aws-sdk/client-sts";
import { expect, test } from "vitest";
import { mount } from "../../src/wire/mount.ts";
import { AwsQuery } from "../../src/wire/query.ts";

function late(failures: number) {
  let loads = 0;
  const mounted = mount("sts", [new AwsQuery()], async () => {
    if (++loads <= failures) throw new Error(`load ${loads} failed`);
    return { sdk: sts, client: sts.STSClient, handlers: { GetCallerIdentity: async () => ({}) } };
  });
  return { mounted, loads: () => loads };
}

test("a service is loaded when it is first asked for, and once", async () => {
  const { mounted, loads } = late(0);
  expect(mounted.signingName).toBe("sts");
  expect(loads()).toBe(0);
  const [one, other] = await Promise.all([mounted.open(), mounted.open()]);
  expect(other).toBe(one);
  expect(await mounted.open()).toBe(one);
  expect(loads()).toBe(1);
  expect(one.service.operations.has("AssumeRole")).toBe(true);
  expect(Object.keys(one.handlers)).toEqual(["GetCallerIdentity"]);
});

test("a service that could not be loaded is loaded again", async () => {
  const { mounted, loads } = late(1);
  await expect(mounted.open()).rejects.toThrow("load 1 failed");
  await expect(mounted.open()).resolves.toHaveProperty("rules", {});
  expect(loads()).toBe(2);
});
