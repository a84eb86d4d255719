/** Roles as the handlers want them: found or refused, changed without losing another's change. */
import type { Resource } from "../../state/resource.ts";
import { Conflict, type ResourceStore } from "../../state/store.ts";
import { Fault } from "../../wire/http.ts";
import { ROLE, type RoleSpec } from "./kinds.ts";

export type Role = Resource<RoleSpec, { readonly state: "Active" }>;

export const noSuchEntity = (message: string) => new Fault("NoSuchEntity", message, 404);

/** Throws NoSuchEntity. */
export async function roleOf(store: ResourceStore, name: string): Promise<Role> {
  const role = await store.get(ROLE, name);
  if (!role) throw noSuchEntity(`The role with name ${name} cannot be found.`);
  return role;
}

/** Changes what a role is, again and again until no other change came between. */
export async function changeRole(
  store: ResourceStore,
  name: string,
  change: (spec: RoleSpec) => RoleSpec,
): Promise<Role> {
  for (;;) {
    const role = await roleOf(store, name);
    try {
      return await store.update(ROLE, role, { spec: change(role.spec) });
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
  }
}

/** The JSON of a policy, or MalformedPolicyDocument. */
export function checkedPolicy(document: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(document);
  } catch {
    // told below
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new Fault("MalformedPolicyDocument", "This policy contains invalid Json");
  if (!("Statement" in parsed))
    throw new Fault("MalformedPolicyDocument", "Syntax errors in policy: it has no Statement.");
  return document;
}
