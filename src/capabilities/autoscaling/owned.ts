/** What belongs to a scalable target, its policies and scheduled actions: how it is named, found and put. */
import { type Account, arn } from "../../base/arn.ts";
import type { Kind, Resource } from "../../state/resource.ts";
import { AlreadyExists, Conflict, type ResourceStore } from "../../state/store.ts";
import { invalid } from "./errors.ts";
import { type ScalableId, targetName } from "./scalable.ts";

/** What it is called in the store: behind the name of its target. */
export const ownedName = (id: ScalableId, name: string) => `${targetName(id)} ${name}`;

/** The target in front of such a name; only the name behind it may hold blanks. */
export const targetOfOwned = (name: string) => name.split(" ", 2).join(" ");

/** `scalingPolicy:UUID:resource/sagemaker/...:policyName/NAME`, and the same of scheduled actions. */
export const ownedArn = (
  account: Account,
  what: "scalingPolicy" | "scheduledAction",
  named: "policyName" | "scheduledActionName",
  uuid: string,
  { resourceId }: ScalableId,
  name: string,
) => arn(account, "autoscaling", `${what}:${uuid}:resource/sagemaker/${resourceId}:${named}/${name}`);

/** Writes over the one that was found, or makes it; refused when another request came between. */
export async function putOwned<Spec, Status extends { readonly state: string }>(
  store: ResourceStore,
  kind: Kind<Spec, Status>,
  known: Resource<Spec, Status> | undefined,
  draft: {
    readonly name: string;
    readonly arn: string;
    readonly owner: string;
    readonly spec: Spec;
    readonly status: Status;
  },
  what: string,
): Promise<void> {
  const { spec, status } = draft;
  try {
    if (known) await store.update(kind, known, { spec, status });
    else await store.create(kind, draft);
  } catch (error) {
    if (!(error instanceof Conflict) && !(error instanceof AlreadyExists)) throw error;
    throw invalid(`The ${what} is being changed by another request.`);
  }
}

/** All that belong to a target. */
export async function ownedBy<Spec, Status extends { readonly state: string }>(
  store: ResourceStore,
  kind: Kind<Spec, Status>,
  owner: string,
): Promise<Resource<Spec, Status>[]> {
  const found: Resource<Spec, Status>[] = [];
  let token: string | undefined;
  do {
    const page = await store.list(kind, { owner, sortBy: "Name", descending: false, limit: 100, token });
    found.push(...page.items);
    token = page.next;
  } while (token !== undefined);
  return found;
}
