import * as sdk from "@aws-sdk/client-sts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { SessionCredentials } from "../../../src/capabilities/sts/session-credentials.ts";
import { stsHandlers } from "../../../src/capabilities/sts/operations.ts";
import { AwsQuery } from "../../../src/wire/query.ts";
import { STS_RULES } from "../../../src/wire/rules.ts";
import { mount } from "../../../src/wire/server.ts";
import { ACCOUNT, serveMounts } from "./serve-mounts.ts";

const ask = (client: sdk.STSClient) => client.send(new sdk.GetCallerIdentityCommand());

let server: Awaited<ReturnType<typeof serveMounts>>;
let sts: sdk.STSClient;
let ahead = 0;

beforeAll(async () => {
  server = await serveMounts(
    (sessions) => [
      mount("sts", [new AwsQuery()], async () => ({
        sdk,
        client: sdk.STSClient,
        rules: STS_RULES,
        handlers: stsHandlers(sessions),
      })),
    ],
    { ...systemClock, now: () => systemClock.now() + ahead },
  );
  sts = new sdk.STSClient(server.client);
});
afterAll(() => server[Symbol.asyncDispose]());

const RoleArn = `arn:aws:iam::${ACCOUNT}:role/team/Reader`;
const assume = (more: Partial<sdk.AssumeRoleCommandInput> = {}) =>
  sts.send(new sdk.AssumeRoleCommand({ RoleArn, RoleSessionName: "me", ...more }));
function clientOf({ AccessKeyId, SecretAccessKey, SessionToken }: sdk.Credentials, more = {}) {
  const credentials = {
    accessKeyId: AccessKeyId!,
    secretAccessKey: SecretAccessKey!,
    sessionToken: SessionToken!,
    ...more,
  };
  return new sdk.STSClient({ ...server.client, credentials });
}

test("the caller is told who it is", async () => {
  const { $metadata: _, ...identity } = await sts.send(new sdk.GetCallerIdentityCommand());
  expect(identity).toEqual({ Account: ACCOUNT, Arn: `arn:aws:iam::${ACCOUNT}:root`, UserId: ACCOUNT });
});

test("an assumed role's keys speak for the role", async () => {
  const { Credentials, AssumedRoleUser } = await assume();
  const identity = await clientOf(Credentials!).send(new sdk.GetCallerIdentityCommand());
  expect(identity.Arn).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/Reader/me`);
  expect(AssumedRoleUser).toEqual({ Arn: identity.Arn, AssumedRoleId: identity.UserId });
  expect(identity.UserId).toMatch(/^AROA[A-Z2-7]{17}:me$/);
  expect(Credentials!.AccessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
});

test("session keys speak for their maker", async () => {
  const { Credentials } = await sts.send(new sdk.GetSessionTokenCommand({ DurationSeconds: 900 }));
  const identity = await clientOf(Credentials!).send(new sdk.GetCallerIdentityCommand());
  expect(identity.Arn).toBe(`arn:aws:iam::${ACCOUNT}:root`);
});

test("temporary keys need their own token, and expire", async () => {
  const { Credentials } = await assume({ DurationSeconds: 900 });
  const { Credentials: others } = await assume();
  await expect(ask(clientOf(Credentials!, { sessionToken: undefined }))).rejects.toThrow(/token/);
  await expect(ask(clientOf(Credentials!, { sessionToken: others!.SessionToken }))).rejects.toThrow(/token/);
  await ask(clientOf(Credentials!));
  ahead = 901_000;
  const late = clientOf(Credentials!);
  late.config.systemClockOffset = ahead;
  await expect(ask(late)).rejects.toMatchObject({ name: expect.stringMatching(/^ExpiredToken/) });
  ahead = 0;
});

test("temporary keys outlive the process that made them, and no other root key accepts them", () => {
  const ports = { clock: systemClock, random: systemRandom };
  const [before, after, elsewhere] = ["a secret", "a secret", "another"].map(
    (secretAccessKey) => new SessionCredentials({ accessKeyId: "AKIA", secretAccessKey }, ACCOUNT, ports),
  );
  const key = before!.issue({ accountId: ACCOUNT, arn: "arn:aws:sts::1:x", userId: "x" }, 900);
  const { accessKeyId, secretAccessKey, sessionToken } = key;
  expect(after!.find(accessKeyId, sessionToken)).toMatchObject({ secretAccessKey, sessionToken });
  expect(elsewhere!.find(accessKeyId, sessionToken)).toBeUndefined();
  const forged = Buffer.from(sessionToken, "base64");
  forged[20]! ^= 1;
  expect(after!.find(accessKeyId, forged.toString("base64"))).toBeUndefined();
});

test.each([
  ["a time too short", { DurationSeconds: 899 }, "ValidationError"],
  ["a time too long", { DurationSeconds: 43_201 }, "ValidationError"],
  ["a session name with a blank", { RoleSessionName: "a b" }, "ValidationError"],
  ["what is no role", { RoleArn: `arn:aws:iam::${ACCOUNT}:user/me` }, "ValidationError"],
  ["another account's role", { RoleArn: "arn:aws:iam::111111111111:role/x" }, "AccessDenied"],
])("%s is refused", async (_, more, name) => {
  await expect(assume(more)).rejects.toMatchObject({ name });
});
