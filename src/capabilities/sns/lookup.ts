/** Topics found or refused, lists in pages, changes that lose nobody else's. */
import type { Resource } from "../../state/resource.ts";
import { BadToken, Conflict, type ListQuery, type Page } from "../../state/store.ts";
import { invalidParameter, notFound } from "./faults.ts";
import { TOPIC, type TopicSpec } from "./kinds.ts";
import type { SnsParts } from "./parts.ts";

type Topic = Resource<TopicSpec, { readonly state: "Active" }>;

/** Throws NotFound, or InvalidParameter for what is no ARN of a topic. */
export async function topicOf(
  { store }: Pick<SnsParts, "store">,
  topicArn: string,
  what: "Topic" | "Resource" = "Topic",
): Promise<Topic> {
  const [, name] = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:([^:]+)$/.exec(topicArn) ?? [];
  if (name === undefined)
    throw invalidParameter(
      "TopicArn Reason: An ARN must have at least 6 elements, not " + topicArn.slice(0, 200),
    );
  const topic = await store.get(TOPIC, name);
  if (topic?.arn !== topicArn) throw notFound(what);
  return topic;
}

/** One page of a list in the order of names, a hundred at a time as in SNS. */
export async function page<Item>(
  list: (query: ListQuery) => Promise<Page<Item>>,
  token: string | undefined,
): Promise<Page<Item>> {
  try {
    return await list({ sortBy: "Name", descending: false, limit: 100, token });
  } catch (error) {
    if (error instanceof BadToken)
      throw invalidParameter("NextToken Reason: it is not one that this list gave");
    throw error;
  }
}

/** Until no other write came between. */
export async function again(change: () => Promise<unknown>): Promise<void> {
  for (;;)
    try {
      return void (await change());
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
}
