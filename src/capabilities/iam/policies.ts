import type * as sdk from "@aws-sdk/client-iam";
import type { ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { changeRole, checkedPolicy, noSuchEntity, roleOf } from "./role-store.ts";

/** The policies of roles, inline and attached. */
export function policyHandlers(store: ResourceStore): Handlers<typeof sdk, Context> {
  return {
    async AttachRolePolicy({ RoleName, PolicyArn }) {
      if (!/^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/.+$/.test(PolicyArn))
        throw new Fault("InvalidInput", `ARN ${PolicyArn} is not valid.`);
      await changeRole(store, RoleName, (spec) => ({
        ...spec,
        attachedPolicies: [...new Set([...spec.attachedPolicies, PolicyArn])],
      }));
      return {};
    },

    async DetachRolePolicy({ RoleName, PolicyArn }) {
      await changeRole(store, RoleName, (spec) => {
        if (!spec.attachedPolicies.includes(PolicyArn))
          throw noSuchEntity(`Policy ${PolicyArn} was not found.`);
        return { ...spec, attachedPolicies: spec.attachedPolicies.filter((arn) => arn !== PolicyArn) };
      });
      return {};
    },

    async ListAttachedRolePolicies({ RoleName }) {
      const { spec } = await roleOf(store, RoleName);
      const AttachedPolicies = spec.attachedPolicies.map((PolicyArn) => ({
        PolicyArn,
        PolicyName: PolicyArn.slice(PolicyArn.lastIndexOf("/") + 1),
      }));
      return { AttachedPolicies, IsTruncated: false };
    },

    async PutRolePolicy({ RoleName, PolicyName, PolicyDocument }) {
      if (!/^[\w+=,.@-]{1,128}$/.test(PolicyName))
        throw new Fault(
          "ValidationError",
          "The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
        );
      checkedPolicy(PolicyDocument);
      await changeRole(store, RoleName, (spec) => ({
        ...spec,
        inlinePolicies: { ...spec.inlinePolicies, [PolicyName]: PolicyDocument },
      }));
      return {};
    },

    async GetRolePolicy({ RoleName, PolicyName }) {
      const { spec } = await roleOf(store, RoleName);
      const document = policyOf(spec.inlinePolicies, PolicyName);
      return { RoleName, PolicyName, PolicyDocument: encodeURIComponent(document) };
    },

    async DeleteRolePolicy({ RoleName, PolicyName }) {
      await changeRole(store, RoleName, (spec) => {
        policyOf(spec.inlinePolicies, PolicyName);
        const others = Object.entries(spec.inlinePolicies).filter(([name]) => name !== PolicyName);
        return { ...spec, inlinePolicies: Object.fromEntries(others) };
      });
      return {};
    },

    async ListRolePolicies({ RoleName }) {
      const { spec } = await roleOf(store, RoleName);
      return { PolicyNames: Object.keys(spec.inlinePolicies).sort(), IsTruncated: false };
    },
  };
}

function policyOf(policies: Readonly<Record<string, string>>, name: string): string {
  const document = Object.hasOwn(policies, name) ? policies[name] : undefined;
  if (document === undefined) throw noSuchEntity(`The role policy with name ${name} cannot be found.`);
  return document;
}
