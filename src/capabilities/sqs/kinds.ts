import { defineKind } from "../../state/resource.ts";

/** A queue: the attributes that were set, as SQS writes them. Its messages are in a table of their own. */
export interface QueueSpec {
  readonly attributes: Readonly<Record<string, string>>;
}

export const QUEUE = defineKind<QueueSpec, { readonly state: "Active" }>({
  name: "queue",
  arrows: { Active: [] },
});
