/** Lists of Application Auto Scaling: resources of one kind that fit a request, in the order of their names, in pages. */
import type { Kind, Resource } from "../../state/resource.ts";
import type { ResourceStore } from "../../state/store.ts";
import { Fault } from "../../wire/http.ts";
import { invalid } from "./errors.ts";
import type { ScalableId } from "./scalable.ts";

export interface Paged {
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
}

/** What the Describe operations filter by. */
export interface Filter extends Paged {
  readonly ServiceNamespace: string;
  readonly ResourceId?: string | undefined;
  readonly ScalableDimension?: string | undefined;
}

/** As AWS documents it: 50 by default and at the most. */
const MOST = 50;

export async function pageOf<Spec extends ScalableId, Status extends { readonly state: string }>(
  store: ResourceStore,
  kind: Kind<Spec, Status>,
  filter: Filter,
  fits: (spec: Spec) => boolean = () => true,
): Promise<{ items: Resource<Spec, Status>[]; NextToken?: string }> {
  const { ServiceNamespace, ResourceId, ScalableDimension, MaxResults = MOST, NextToken } = filter;
  if (ScalableDimension !== undefined && ResourceId === undefined)
    throw invalid("If you specify a scalable dimension, you must also specify a resource ID.");
  if (MaxResults < 1) throw invalid(`MaxResults must be at least 1, not ${MaxResults}.`);
  const after = NextToken === undefined ? "" : Buffer.from(NextToken, "base64url").toString();
  const names = (await store.names(kind)).toSorted();
  if (NextToken !== undefined && !names.includes(after))
    throw new Fault("InvalidNextTokenException", "The next token supplied was invalid");
  const items: Resource<Spec, Status>[] = [];
  if (ServiceNamespace !== "sagemaker") return { items };
  for (const name of names) {
    if (name <= after && NextToken !== undefined) continue;
    const one = await store.get(kind, name);
    if (!one || !fits(one.spec)) continue;
    if (ResourceId !== undefined && one.spec.resourceId !== ResourceId) continue;
    if (ScalableDimension !== undefined && one.spec.dimension !== ScalableDimension) continue;
    if (items.length === Math.min(MaxResults, MOST))
      return { items, NextToken: Buffer.from(items.at(-1)!.name).toString("base64url") };
    items.push(one);
  }
  return { items };
}
