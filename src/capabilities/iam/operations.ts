/** AWS IAM as far as clients of SageMaker need it: roles, their policies and their tags. */
import type * as sdk from "@aws-sdk/client-iam";
import type { Random } from "../../base/random.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { policyHandlers } from "./policies.ts";
import { roleHandlers } from "./roles.ts";

export function iamHandlers(
  store: ResourceStore,
  account: { readonly accountId: string },
  random: Random,
): Handlers<typeof sdk, Context> {
  return { ...roleHandlers(store, account.accountId, random), ...policyHandlers(store) };
}
