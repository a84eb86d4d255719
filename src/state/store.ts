/** The one place where capabilities meet: every resource, its tags and the history of its states. */
import type { Kind, Resource } from "./resource.ts";

/** What a new resource starts with; the store adds uid, versions and times. */
export interface Draft<Spec, Status> {
  readonly name: string;
  readonly arn: string;
  readonly spec: Spec;
  readonly status: Status;
  readonly tags?: Readonly<Record<string, string>>;
  /** The uid of the resource that this one belongs to. */
  readonly owner?: string;
}

export interface Change<Spec, Status> {
  /** Present when the user asked for something else: `generation` grows. */
  readonly spec?: Spec;
  readonly status?: Status;
  /** Marks the resource as to be deleted. */
  readonly deleting?: true;
  /** A sentence for the event row, when the state changes. */
  readonly reason?: string;
}

export type SortBy = "Name" | "CreationTime" | "LastModifiedTime" | "Status";

/** The filters, sort and page that SageMaker's List operations share. Times in ms, bounds exclusive as AWS documents them. */
export interface ListQuery {
  readonly nameContains?: string | undefined;
  readonly createdBefore?: number | undefined;
  readonly createdAfter?: number | undefined;
  readonly updatedBefore?: number | undefined;
  readonly updatedAfter?: number | undefined;
  readonly states?: readonly string[] | undefined;
  readonly owner?: string | undefined;
  readonly sortBy: SortBy;
  readonly descending: boolean;
  readonly limit: number;
  /** The `next` of the page before; a token of another query or a forged one throws BadToken. */
  readonly token?: string | undefined;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: string;
}

/** A change of state that happened. */
export interface ResourceEvent {
  readonly at: number;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly from?: string;
  readonly to: string;
  readonly reason?: string;
}

/** An event with its place in the order of all events. */
export type PlacedEvent = ResourceEvent & { readonly position: number };

export type Watcher = (change: { readonly kind: string; readonly name: string }) => void;

/** Acknowledged means durable: a promise resolves only once the change would survive `kill -9`. */
export interface ResourceStore extends AsyncDisposable {
  /** Throws AlreadyExists. */
  create<Spec, Status extends { readonly state: string }>(
    kind: Kind<Spec, Status>,
    draft: Draft<Spec, Status>,
  ): Promise<Resource<Spec, Status>>;
  get<Spec, Status extends { readonly state: string }>(
    kind: Kind<Spec, Status>,
    name: string,
  ): Promise<Resource<Spec, Status> | undefined>;
  list<Spec, Status extends { readonly state: string }>(
    kind: Kind<Spec, Status>,
    query: ListQuery,
  ): Promise<Page<Resource<Spec, Status>>>;
  /** Every name of a kind: what a controller queues at start. */
  names(kind: Kind<any, any>): Promise<readonly string[]>;
  /** Writes over exactly the version that was read; throws Conflict when another write came between. */
  update<Spec, Status extends { readonly state: string }>(
    kind: Kind<Spec, Status>,
    seen: Resource<Spec, Status>,
    change: Change<Spec, Status>,
  ): Promise<Resource<Spec, Status>>;
  /** Throws Conflict like update. Tags go with the resource; events stay. */
  remove<Spec, Status extends { readonly state: string }>(
    kind: Kind<Spec, Status>,
    seen: Resource<Spec, Status>,
  ): Promise<void>;
  /** Tags by ARN, sorted by key; undefined when no resource has that ARN. */
  tags(arn: string): Promise<ReadonlyMap<string, string> | undefined>;
  /** False when no resource has that ARN; throws TooManyTags above `most`. */
  putTags(arn: string, tags: Readonly<Record<string, string>>, most: number): Promise<boolean>;
  removeTags(arn: string, keys: readonly string[]): Promise<boolean>;
  /** Newest first. */
  events(kind: Kind<any, any>, name: string, limit: number): Promise<readonly ResourceEvent[]>;
  /** Those of all kinds that came after a position, the oldest first: what a follower asks for. */
  eventsAfter(position: number, limit: number): Promise<readonly PlacedEvent[]>;
  /** The position of the newest event; 0 before there is one. */
  newestEvent(): Promise<number>;
  /** Called after each durable change; the returned function ends it. */
  watch(watcher: Watcher): () => void;
}

export class AlreadyExists extends Error {
  override readonly name = "AlreadyExists";
  /** The ARN of the resource that has the name. */
  readonly arn: string;
  constructor(arn: string) {
    super(`already exists: ${arn}`);
    this.arn = arn;
  }
}

export class Conflict extends Error {
  override readonly name = "Conflict";
}

export class BadToken extends Error {
  override readonly name = "BadToken";
}

export class TooManyTags extends Error {
  override readonly name = "TooManyTags";
}
