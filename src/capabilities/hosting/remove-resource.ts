import type { Kind, Resource } from "../../state/resource.ts";
import { Conflict, type ResourceStore } from "../../state/store.ts";
import { notFound } from "./errors.ts";

/** Removes what a Delete operation found; of two deletes at once, the second one finds nothing any more. */
export async function removeResource<Spec, Status extends { readonly state: string }>(
  store: ResourceStore,
  kind: Kind<Spec, Status>,
  what: Parameters<typeof notFound>[0],
  found: Resource<Spec, Status>,
): Promise<void> {
  try {
    await store.remove(kind, found);
  } catch (error) {
    throw error instanceof Conflict ? notFound(what, found.arn) : error;
  }
}
