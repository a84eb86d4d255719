import { systemClock, type Clock } from "../base/clock.ts";
import { silentLog, type Log } from "../base/log.ts";
import { systemRandom, type Random } from "../base/random.ts";
import { PageTokens, type Position } from "./page-tokens.ts";
import { keyOf, type Kind, type Resource } from "./resource.ts";
import {
  AlreadyExists,
  Conflict,
  TooManyTags,
  type Change,
  type Draft,
  type ListQuery,
  type Page,
  type PlacedEvent,
  type ResourceEvent,
  type ResourceStore,
  type SortBy,
  type Watcher,
} from "./store.ts";
import { begin, change, removal } from "./transition.ts";
import { Watchers } from "./watchers.ts";

interface Entry {
  /** Tells the order in which entries came, to part those that sort alike. */
  readonly id: number;
  readonly kind: string;
  readonly key: string;
  resource: Resource<any, any>;
  readonly tags: Map<string, string>;
}

type Stateful = { readonly state: string };
type AnyKind = Kind<any, any>;

/** A resource store that lasts as long as its process: for tests. It answers just as the SQLite one does. */
export class MemoryStore implements ResourceStore {
  readonly #entries = new Map<string, Entry>();
  readonly #events: ResourceEvent[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #watchers: Watchers;
  readonly #tokens: PageTokens;
  #lastId = 0;

  constructor(ports: { readonly clock?: Clock; readonly random?: Random; readonly log?: Log } = {}) {
    this.#clock = ports.clock ?? systemClock;
    this.#random = ports.random ?? systemRandom;
    this.#watchers = new Watchers(ports.log ?? silentLog);
    this.#tokens = new PageTokens(this.#random.bytes(32));
  }

  async create<Spec, Status extends Stateful>(kind: Kind<Spec, Status>, draft: Draft<Spec, Status>) {
    const { resource, event } = begin(kind, draft, this.#random.uuid(), this.#clock.now());
    const other = this.#entry(kind, draft.name) ?? this.#byArn(draft.arn);
    if (other) throw new AlreadyExists(other.resource.arn);
    const key = keyOf(kind, draft.name);
    const tags = new Map(Object.entries(draft.tags ?? {}));
    this.#entries.set(`${kind.name}/${key}`, { id: ++this.#lastId, kind: kind.name, key, resource, tags });
    this.#events.push(event);
    this.#watchers.tell(kind.name, draft.name);
    return structuredClone(resource);
  }

  async get<Spec, Status extends Stateful>(kind: Kind<Spec, Status>, name: string) {
    return structuredClone(this.#entry(kind, name)?.resource) as Resource<Spec, Status> | undefined;
  }

  async list<Spec, Status extends Stateful>(
    kind: Kind<Spec, Status>,
    query: ListQuery,
  ): Promise<Page<Resource<Spec, Status>>> {
    const after = this.#tokens.open(kind.name, query);
    const direction = query.descending ? -1 : 1;
    const place = (entry: Entry): Position => [SORT_VALUE[query.sortBy](entry), entry.id];
    const found = this.#ofKind(kind)
      .filter(({ resource }) => matches(resource, query))
      .filter((entry) => !after || compare(place(entry), after) * direction > 0)
      .sort((a, b) => compare(place(a), place(b)) * direction);
    const page = found.slice(0, query.limit);
    const items = page.map(({ resource }) => structuredClone(resource) as Resource<Spec, Status>);
    const last = page.at(-1);
    if (found.length <= query.limit || !last) return { items };
    return { items, next: this.#tokens.seal(kind.name, query, place(last)) };
  }

  async names(kind: AnyKind): Promise<readonly string[]> {
    return this.#ofKind(kind)
      .sort((a, b) => compareText(a.key, b.key))
      .map(({ resource }) => resource.name);
  }

  async update<Spec, Status extends Stateful>(
    kind: Kind<Spec, Status>,
    seen: Resource<Spec, Status>,
    wanted: Change<Spec, Status>,
  ): Promise<Resource<Spec, Status>> {
    const entry = this.#unchanged(kind, seen);
    const { resource, event } = change<Spec, Status>(kind, entry.resource, wanted, this.#clock.now());
    entry.resource = resource;
    if (event) this.#events.push(event);
    this.#watchers.tell(kind.name, resource.name);
    return structuredClone(resource);
  }

  async remove<Spec, Status extends Stateful>(kind: Kind<Spec, Status>, seen: Resource<Spec, Status>) {
    const entry = this.#unchanged(kind, seen);
    this.#entries.delete(`${kind.name}/${entry.key}`);
    this.#events.push(removal(kind, entry.resource, this.#clock.now()));
    this.#watchers.tell(kind.name, seen.name);
  }

  async tags(arn: string) {
    const entry = this.#byArn(arn);
    return entry && new Map([...entry.tags].sort(([a], [b]) => compareText(a, b)));
  }

  async putTags(arn: string, tags: Readonly<Record<string, string>>, most: number): Promise<boolean> {
    const entry = this.#byArn(arn);
    if (!entry) return false;
    const { size } = new Set([...entry.tags.keys(), ...Object.keys(tags)]);
    if (size > most) throw new TooManyTags(`${arn} would have ${size} tags; ${most} are allowed`);
    for (const [key, value] of Object.entries(tags)) entry.tags.set(key, value);
    this.#watchers.tell(entry.kind, entry.resource.name);
    return true;
  }

  async removeTags(arn: string, keys: readonly string[]): Promise<boolean> {
    const entry = this.#byArn(arn);
    if (!entry) return false;
    for (const key of keys) entry.tags.delete(key);
    this.#watchers.tell(entry.kind, entry.resource.name);
    return true;
  }

  async events(kind: AnyKind, name: string, limit: number): Promise<readonly ResourceEvent[]> {
    return this.#events
      .filter((event) => event.kind === kind.name && keyOf(kind, event.name) === keyOf(kind, name))
      .toReversed()
      .slice(0, limit);
  }

  async eventsAfter(position: number, limit: number): Promise<readonly PlacedEvent[]> {
    return this.#events
      .slice(position, position + limit)
      .map((event, index) => ({ ...event, position: position + index + 1 }));
  }

  async newestEvent(): Promise<number> {
    return this.#events.length;
  }

  watch(watcher: Watcher): () => void {
    return this.#watchers.add(watcher);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #ofKind(kind: AnyKind): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.kind === kind.name);
  }

  #entry(kind: AnyKind, name: string): Entry | undefined {
    return this.#entries.get(`${kind.name}/${keyOf(kind, name)}`);
  }

  #byArn(arn: string): Entry | undefined {
    return [...this.#entries.values()].find(({ resource }) => resource.arn === arn);
  }

  #unchanged(kind: AnyKind, seen: Resource): Entry {
    const entry = this.#entry(kind, seen.name);
    if (entry?.resource.uid !== seen.uid || entry.resource.version !== seen.version)
      throw new Conflict(`${kind.name} ${seen.name} was written by another since version ${seen.version}`);
    return entry;
  }
}

const SORT_VALUE: Record<SortBy, (entry: Entry) => string | number> = {
  Name: ({ key }) => key,
  CreationTime: ({ resource }) => resource.createdAt,
  LastModifiedTime: ({ resource }) => resource.updatedAt,
  Status: ({ resource }) => resource.status.state as string,
};

function matches(resource: Resource<unknown, Stateful>, query: ListQuery): boolean {
  const { createdBefore = Infinity, createdAfter = -Infinity } = query;
  const { updatedBefore = Infinity, updatedAfter = -Infinity } = query;
  return (
    resource.name.toLowerCase().includes(query.nameContains?.toLowerCase() ?? "") &&
    resource.createdAt < createdBefore &&
    resource.createdAt > createdAfter &&
    resource.updatedAt < updatedBefore &&
    resource.updatedAt > updatedAfter &&
    (query.owner === undefined || query.owner === resource.owner) &&
    (query.states === undefined || query.states.includes(resource.status.state))
  );
}

function compare(a: Position, b: Position): number {
  const [left, right] = [a[0], b[0]];
  const byValue = typeof left === "string" ? compareText(left, String(right)) : left - Number(right);
  return byValue || a[1] - b[1];
}

/** By bytes, as SQLite compares. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
