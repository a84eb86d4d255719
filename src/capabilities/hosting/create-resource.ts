import type { Kind } from "../../state/resource.ts";
import { AlreadyExists, type Draft, type ResourceStore } from "../../state/store.ts";
import { alreadyExists } from "./errors.ts";

/** Stores what a Create operation was asked for and gives its ARN; a name that is taken is refused in AWS's words. */
export async function createResource<Spec, Status extends { readonly state: string }>(
  store: ResourceStore,
  kind: Kind<Spec, Status>,
  what: Parameters<typeof alreadyExists>[0],
  draft: Draft<Spec, Status>,
): Promise<string> {
  try {
    return (await store.create(kind, draft)).arn;
  } catch (error) {
    throw error instanceof AlreadyExists ? alreadyExists(what, error.arn) : error;
  }
}
