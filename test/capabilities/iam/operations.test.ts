import * as sdk from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemRandom } from "../../../src/base/random.ts";
import { iamHandlers } from "../../../src/capabilities/iam/operations.ts";
import { MemoryStore } from "../../../src/state/memory-store.ts";
import { AwsQuery } from "../../../src/wire/query.ts";
import { IAM_RULES } from "../../../src/wire/rules.ts";
import { mount } from "../../../src/wire/server.ts";
import { ACCOUNT, serveMounts } from "../sts/serve-mounts.ts";

let server: Awaited<ReturnType<typeof serveMounts>>;
let iam: sdk.IAMClient;
const trust = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { Service: "sagemaker.amazonaws.com" }, Action: "sts:AssumeRole" },
  ],
});

beforeAll(async () => {
  const handlers = iamHandlers(new MemoryStore(), { accountId: ACCOUNT }, systemRandom);
  server = await serveMounts(() => [
    mount("iam", [new AwsQuery()], async () => ({ sdk, client: sdk.IAMClient, rules: IAM_RULES, handlers })),
  ]);
  iam = new sdk.IAMClient(server.client);
});
afterAll(() => server[Symbol.asyncDispose]());

const create = (RoleName: string, more: Partial<sdk.CreateRoleCommandInput> = {}) =>
  iam.send(new sdk.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust, ...more }));

test("a role is made, found and deleted", async () => {
  const { Role } = await create("Deployer", {
    Path: "/team/",
    Description: "deploys",
    Tags: [{ Key: "a", Value: "1" }],
  });
  expect(Role).toMatchObject({ Arn: `arn:aws:iam::${ACCOUNT}:role/team/Deployer`, MaxSessionDuration: 3600 });
  const { Role: found } = await iam.send(new sdk.GetRoleCommand({ RoleName: "Deployer" }));
  expect(found).toMatchObject({ ...Role, Tags: [{ Key: "a", Value: "1" }] });
  expect(JSON.parse(decodeURIComponent(found!.AssumeRolePolicyDocument!))).toEqual(JSON.parse(trust));
  expect(found!.RoleId).toMatch(/^AROA[A-Z0-9]{17}$/);
  await expect(create("deployer")).rejects.toMatchObject({ name: "EntityAlreadyExistsException" });
  await iam.send(new sdk.DeleteRoleCommand({ RoleName: "Deployer" }));
  await expect(iam.send(new sdk.GetRoleCommand({ RoleName: "Deployer" }))).rejects.toMatchObject({
    name: "NoSuchEntityException",
    message: "The role with name Deployer cannot be found.",
    $metadata: { httpStatusCode: 404 },
  });
});

test("roles are listed by name and path, page by page", async () => {
  for (const name of ["list-b", "list-a", "list-c"]) await create(name, { Path: "/listed/" });
  await create("unlisted");
  const names: string[] = [];
  for await (const page of sdk.paginateListRoles({ client: iam, pageSize: 2 }, { PathPrefix: "/listed/" }))
    names.push(...(page.Roles ?? []).map(({ RoleName }) => RoleName!));
  expect(names).toEqual(["list-a", "list-b", "list-c"]);
  await expect(iam.send(new sdk.ListRolesCommand({ Marker: "forged" }))).rejects.toMatchObject({
    name: "ValidationError",
  });
});

test("what a role is can be changed", async () => {
  const RoleName = "changing";
  await create(RoleName);
  await iam.send(new sdk.UpdateRoleCommand({ RoleName, Description: "new", MaxSessionDuration: 7200 }));
  const other = JSON.stringify({ Statement: [] });
  await iam.send(new sdk.UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: other }));
  await iam.send(
    new sdk.TagRoleCommand({
      RoleName,
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "b", Value: "2" },
      ],
    }),
  );
  await iam.send(new sdk.UntagRoleCommand({ RoleName, TagKeys: ["a"] }));
  const { Role } = await iam.send(new sdk.GetRoleCommand({ RoleName }));
  expect(Role).toMatchObject({
    Description: "new",
    MaxSessionDuration: 7200,
    Tags: [{ Key: "b", Value: "2" }],
  });
  expect(decodeURIComponent(Role!.AssumeRolePolicyDocument!)).toBe(other);
  expect((await iam.send(new sdk.ListRoleTagsCommand({ RoleName }))).Tags).toEqual([
    { Key: "b", Value: "2" },
  ]);
});

describe("policies", () => {
  const RoleName = "with-policies";
  const PolicyArn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
  beforeAll(() => create(RoleName));

  test("are attached and detached", async () => {
    const list = () => iam.send(new sdk.ListAttachedRolePoliciesCommand({ RoleName }));
    await iam.send(new sdk.AttachRolePolicyCommand({ RoleName, PolicyArn }));
    await iam.send(new sdk.AttachRolePolicyCommand({ RoleName, PolicyArn }));
    expect((await list()).AttachedPolicies).toEqual([{ PolicyArn, PolicyName: "AmazonSageMakerFullAccess" }]);
    await expect(iam.send(new sdk.DeleteRoleCommand({ RoleName }))).rejects.toMatchObject({
      name: "DeleteConflictException",
    });
    await iam.send(new sdk.DetachRolePolicyCommand({ RoleName, PolicyArn }));
    await expect(iam.send(new sdk.DetachRolePolicyCommand({ RoleName, PolicyArn }))).rejects.toMatchObject({
      name: "NoSuchEntityException",
    });
    expect((await list()).AttachedPolicies ?? []).toEqual([]);
  });
  test("are put and deleted, also many at once", async () => {
    const names = ["p1", "p2", "p3"];
    const put = (PolicyName: string) =>
      iam.send(new sdk.PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: trust }));
    await Promise.all(names.map(put));
    expect((await iam.send(new sdk.ListRolePoliciesCommand({ RoleName }))).PolicyNames).toEqual(names);
    const got = await iam.send(new sdk.GetRolePolicyCommand({ RoleName, PolicyName: "p2" }));
    expect(decodeURIComponent(got.PolicyDocument!)).toBe(trust);
    await expect(iam.send(new sdk.DeleteRoleCommand({ RoleName }))).rejects.toMatchObject({
      name: "DeleteConflictException",
    });
    for (const PolicyName of names) await iam.send(new sdk.DeleteRolePolicyCommand({ RoleName, PolicyName }));
    await expect(
      iam.send(new sdk.GetRolePolicyCommand({ RoleName, PolicyName: "p2" })),
    ).rejects.toMatchObject({
      name: "NoSuchEntityException",
    });
    await iam.send(new sdk.DeleteRoleCommand({ RoleName }));
  });
  test.each(["no json", "[]", "{}"])("that are none are refused: %s", async (document) => {
    await expect(create("malformed", { AssumeRolePolicyDocument: document })).rejects.toMatchObject({
      name: "MalformedPolicyDocumentException",
    });
  });
});
