import { expect, test } from "vitest";
import { tagOperations } from "../../../src/capabilities/hosting/tag-operations.ts";
import type { ResourceStore } from "../../../src/state/store.ts";
import { contextOf, setUp } from "./hosting-fixture.ts";

const tags = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({
    Key: `k${String(from + index).padStart(3, "0")}`,
    Value: String(index),
  }));

async function tagged() {
  const all = await setUp();
  const { ModelArn: ResourceArn } = await all.model("iris");
  return { ...all, ResourceArn };
}

test("tags are added, replaced, listed by key and deleted", async () => {
  const { call, ResourceArn } = await tagged();
  await call("AddTags", {
    ResourceArn,
    Tags: [
      { Key: "b", Value: "1" },
      { Key: "a", Value: "1" },
    ],
  });
  expect(await call("AddTags", { ResourceArn, Tags: [{ Key: "a", Value: "2" }] })).toEqual({
    Tags: [
      { Key: "a", Value: "2" },
      { Key: "b", Value: "1" },
    ],
  });
  await call("DeleteTags", { ResourceArn, TagKeys: ["a", "unknown"] });
  expect((await call("ListTags", { ResourceArn })).Tags).toEqual([{ Key: "b", Value: "1" }]);
});

test("the fifty-first tag is refused, and none of the request is kept", async () => {
  const { call, ResourceArn } = await tagged();
  await call("AddTags", { ResourceArn, Tags: tags(49) });
  await expect(call("AddTags", { ResourceArn, Tags: tags(2, 100) })).rejects.toMatchObject({
    name: "ResourceLimitExceeded",
  });
  expect((await call("ListTags", { ResourceArn })).Tags).toHaveLength(49);
});

test("reserved and repeated keys are refused", async () => {
  const { call, ResourceArn } = await tagged();
  await expect(call("AddTags", { ResourceArn, Tags: [{ Key: "AWS:x", Value: "" }] })).rejects.toThrow(
    "begins with aws:",
  );
  await expect(
    call("AddTags", {
      ResourceArn,
      Tags: [
        { Key: "x", Value: "1" },
        { Key: "x", Value: "2" },
      ],
    }),
  ).rejects.toThrow("Duplicate tag key: x.");
});

test("a resource that is not there has no tags to read or write", async () => {
  const { call } = await tagged();
  const ResourceArn = "arn:aws:sagemaker:us-east-1:000000000000:model/absent";
  for (const operation of ["ListTags", "AddTags", "DeleteTags"] as const)
    await expect(call(operation, { ResourceArn, Tags: [], TagKeys: [] })).rejects.toMatchObject({
      name: "ResourceNotFound",
    });
});

test("an endpoint's own tags come after the user's, and say how its instances are kept apart", async () => {
  const arn = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/e";
  const { ListTags } = tagOperations(
    { tags: async () => new Map([["team", "a"]]) } as unknown as ResourceStore,
    { memory: "cgroup v2", sandbox: "none", why: "it is turned off" },
  );
  const listed = async (input: object) => ListTags!({ ResourceArn: arn, ...input }, contextOf());
  expect((await listed({})).Tags).toEqual([
    { Key: "team", Value: "a" },
    { Key: "aws:tideway:memory-limit", Value: "cgroup v2" },
    { Key: "aws:tideway:sandbox", Value: "none" },
  ]);
  const { Tags, NextToken } = await listed({ MaxResults: 2 });
  expect([Tags!.length, (await listed({ NextToken })).Tags]).toEqual([
    2,
    [{ Key: "aws:tideway:sandbox", Value: "none" }],
  ]);
  expect((await listed({ ResourceArn: arn.replace("endpoint/", "endpoint-config/") })).Tags).toHaveLength(1);
});
