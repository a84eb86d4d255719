import type { Kind, Resource } from "../../src/state/resource.ts";
import type { Change, Draft, ListQuery, ResourceStore, Watcher } from "../../src/state/store.ts";
import type { Life } from "./life.ts";

type Stateful = { readonly state: string };
type AnyKind = Kind<any, any>;

/** Told of each write as soon as it is on the disk; without a resource when that was removed. */
export type OnCommit = (kind: AnyKind, name: string, resource: Resource<any, any> | undefined) => void;

/**
 * The store as one life of control has it. What lies under it is the disk: each write is there as a whole or not at all,
 * and stays when control dies between the commit and the answer.
 */
export class SimulatedStore implements ResourceStore {
  readonly #disk: ResourceStore;
  readonly #life: Pick<Life, "port" | "ended">;
  readonly #onCommit: OnCommit;

  constructor(disk: ResourceStore, life: Pick<Life, "port" | "ended">, onCommit: OnCommit) {
    this.#disk = disk;
    this.#life = life;
    this.#onCommit = onCommit;
  }

  create<Spec, Status extends Stateful>(kind: Kind<Spec, Status>, draft: Draft<Spec, Status>) {
    return this.#write("create", kind, draft.name, () => this.#disk.create(kind, draft));
  }

  update<Spec, Status extends Stateful>(
    kind: Kind<Spec, Status>,
    seen: Resource<Spec, Status>,
    change: Change<Spec, Status>,
  ) {
    return this.#write("update", kind, seen.name, () => this.#disk.update(kind, seen, change));
  }

  remove<Spec, Status extends Stateful>(kind: Kind<Spec, Status>, seen: Resource<Spec, Status>) {
    return this.#write("remove", kind, seen.name, () => this.#disk.remove(kind, seen));
  }

  get<Spec, Status extends Stateful>(kind: Kind<Spec, Status>, name: string) {
    return this.#life.port("a read", () => this.#disk.get(kind, name));
  }

  list<Spec, Status extends Stateful>(kind: Kind<Spec, Status>, query: ListQuery) {
    return this.#life.port("a read", () => this.#disk.list(kind, query));
  }

  names(kind: AnyKind) {
    return this.#life.port("a read", () => this.#disk.names(kind));
  }

  tags(arn: string) {
    return this.#life.port("a read", () => this.#disk.tags(arn));
  }

  putTags(arn: string, tags: Readonly<Record<string, string>>, most: number) {
    return this.#life.port("a write of tags", () => this.#disk.putTags(arn, tags, most));
  }

  removeTags(arn: string, keys: readonly string[]) {
    return this.#life.port("a write of tags", () => this.#disk.removeTags(arn, keys));
  }

  events(kind: AnyKind, name: string, limit: number) {
    return this.#life.port("a read", () => this.#disk.events(kind, name, limit));
  }

  eventsAfter(position: number, limit: number) {
    return this.#life.port("a read", () => this.#disk.eventsAfter(position, limit));
  }

  newestEvent() {
    return this.#life.port("a read", () => this.#disk.newestEvent());
  }

  watch(watcher: Watcher): () => void {
    return this.#disk.watch((change) => {
      if (!this.#life.ended) watcher(change);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #write<Result extends Resource<any, any> | void>(
    what: string,
    kind: AnyKind,
    name: string,
    commit: () => Promise<Result>,
  ): Promise<Result> {
    return this.#life.port(`the commit of a ${what}`, async () => {
      const result = await commit();
      this.#onCommit(kind, name, result ?? undefined);
      return result;
    });
  }
}
