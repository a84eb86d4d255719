/** What the List operations of SageMaker share: filters, sort, pages. */
import { BadToken, type ListQuery, type ResourceStore } from "../state/store.ts";
import type { Kind, Resource } from "../state/resource.ts";
import { invalid } from "./errors.ts";

/** The members of a List request; which of them an operation has, its schema says. */
export interface ListInput {
  readonly NameContains?: string | undefined;
  readonly CreationTimeBefore?: Date | undefined;
  readonly CreationTimeAfter?: Date | undefined;
  readonly LastModifiedTimeBefore?: Date | undefined;
  readonly LastModifiedTimeAfter?: Date | undefined;
  readonly StatusEquals?: string | undefined;
  readonly SortBy?: string | undefined;
  readonly SortOrder?: string | undefined;
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
}

const DEFAULT_PAGE = 10;

/** One page of a kind, newest first unless asked otherwise (the default of models, configurations and endpoints). */
export async function listPage<Spec, Status extends { readonly state: string }>(
  store: ResourceStore,
  kind: Kind<Spec, Status>,
  input: ListInput,
): Promise<{ items: readonly Resource<Spec, Status>[]; NextToken: string | undefined }> {
  const query: ListQuery = {
    nameContains: input.NameContains,
    createdBefore: input.CreationTimeBefore?.getTime(),
    createdAfter: input.CreationTimeAfter?.getTime(),
    updatedBefore: input.LastModifiedTimeBefore?.getTime(),
    updatedAfter: input.LastModifiedTimeAfter?.getTime(),
    states: input.StatusEquals === undefined ? undefined : [input.StatusEquals],
    sortBy: (input.SortBy as ListQuery["sortBy"] | undefined) ?? "CreationTime",
    descending: input.SortOrder !== "Ascending",
    limit: input.MaxResults ?? DEFAULT_PAGE,
    token: input.NextToken,
  };
  try {
    const { items, next } = await store.list(kind, query);
    return { items, NextToken: next };
  } catch (error) {
    if (error instanceof BadToken) throw invalid("NextToken is not one that this request was given before.");
    throw error;
  }
}
