/** AWS STS: who am I, and keys for a while. There are no policies yet: such keys may do what their maker may. */
import type * as sdk from "@aws-sdk/client-sts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { roleIdOf, type SessionCredentials, type SessionKey } from "./session-credentials.ts";

export function stsHandlers(sessions: SessionCredentials): Handlers<typeof sdk, Context> {
  return {
    async GetCallerIdentity(_, { caller: { accountId, arn, userId } }) {
      return { Account: accountId, Arn: arn, UserId: userId };
    },

    async AssumeRole({ RoleArn, RoleSessionName, DurationSeconds = 3600 }, { caller }) {
      // the role need not exist: roles in the ARNs of SageMaker's resources need not either
      const [, account, path] = /^arn:aws[a-z-]*:iam::(\d{12}):role\/([\w+=,.@/-]+)$/.exec(RoleArn) ?? [];
      if (account === undefined || path === undefined)
        throw new Fault("ValidationError", `${RoleArn} is invalid`);
      if (account !== caller.accountId)
        throw new Fault(
          "AccessDenied",
          `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`,
          403,
        );
      const name = path.slice(path.lastIndexOf("/") + 1);
      const arn = `arn:aws:sts::${account}:assumed-role/${name}/${RoleSessionName}`;
      const userId = `${roleIdOf(RoleArn)}:${RoleSessionName}`;
      return {
        Credentials: told(sessions.issue({ accountId: account, arn, userId }, DurationSeconds)),
        AssumedRoleUser: { Arn: arn, AssumedRoleId: userId },
      };
    },

    async GetSessionToken({ DurationSeconds = 43_200 }, { caller: { accountId, arn, userId } }) {
      return { Credentials: told(sessions.issue({ accountId, arn, userId }, DurationSeconds)) };
    },
  };
}

function told(key: SessionKey): sdk.Credentials {
  return {
    AccessKeyId: key.accessKeyId,
    SecretAccessKey: key.secretAccessKey,
    SessionToken: key.sessionToken,
    Expiration: new Date(key.expiresAt),
  };
}
