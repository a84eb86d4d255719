import { allocate } from "./codecs/fit.ts";
import type { Model, Tensor } from "./model.ts";
import { Refusal } from "./refusal.ts";

interface Waiting {
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly rows: number;
  readonly abandoned: () => boolean;
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (error: unknown) => void;
}

/** More rows than this in one run gain nothing and make the first caller wait for all. */
const MAX_ROWS = 64;
/** Callers beyond this are turned away: the gateway bounds its own queue, and this one must not grow without end. */
const MAX_WAITING = 1024;

/**
 * Runs requests in stages: what has arrived in one turn of the event loop runs together, nothing ever waits for
 * company. Requests become one run only where `merge` says that the model's rows do not see each other.
 */
export class Batcher {
  readonly #model: Model;
  readonly #merge: boolean;
  #waiting: Waiting[] = [];
  #running = false;

  constructor(model: Model, merge: boolean) {
    this.#model = model;
    this.#merge = merge;
  }

  /** `abandoned`: true when nobody waits for the answer any more, so that the run can be saved. */
  run(inputs: ReadonlyMap<string, Tensor>, abandoned: () => boolean): Promise<readonly Tensor[]> {
    if (this.#waiting.length >= MAX_WAITING)
      return Promise.reject(
        new Refusal(503, `${MAX_WAITING} requests are waiting for the model already: try again later.`),
      );
    const { promise, resolve, reject } = Promise.withResolvers<readonly Tensor[]>();
    const [first] = inputs.values();
    this.#waiting.push({ inputs, rows: first?.shape[0] ?? 1, abandoned, resolve, reject });
    if (!this.#running) {
      this.#running = true;
      setImmediate(() => void this.#drain());
    }
    return promise;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const arrived = this.#waiting;
      this.#waiting = [];
      for (const group of this.#groups(arrived.filter((one) => !one.abandoned())))
        await this.#runGroup(group);
    }
    this.#running = false;
  }

  async #runGroup(group: readonly Waiting[]): Promise<void> {
    if (group.length > 1) {
      try {
        const outputs = await this.#model.run(concatenate(group));
        const answers = split(outputs, group);
        if (answers) return group.forEach((one, i) => one.resolve(answers[i]!));
      } catch {
        // One request of the group may be at fault: each gets its own run and its own error.
      }
    }
    for (const one of group) {
      try {
        one.resolve(await this.#model.run(one.inputs));
      } catch (error) {
        one.reject(error);
      }
    }
  }

  /** Requests whose tensors differ in nothing but their number of rows. */
  #groups(requests: readonly Waiting[]): Waiting[][] {
    if (!this.#merge || requests.length < 2) return requests.map((one) => [one]);
    const groups: Waiting[][] = [];
    const open = new Map<string, { group: Waiting[]; rows: number }>();
    for (const one of requests) {
      const key = [...one.inputs.values()]
        .map(({ name, type, shape }) => `${name} ${type} ${shape.slice(1).join("x")}`)
        .sort()
        .join("|");
      let current = open.get(key);
      if (!current || current.rows + one.rows > MAX_ROWS) {
        current = { group: [], rows: 0 };
        open.set(key, current);
        groups.push(current.group);
      }
      current.group.push(one);
      current.rows += one.rows;
    }
    return groups;
  }
}

function concatenate(group: readonly Waiting[]): Map<string, Tensor> {
  const merged = new Map<string, Tensor>();
  const rows = group.reduce((sum, one) => sum + one.rows, 0);
  for (const [name, { type, shape }] of group[0]!.inputs) {
    const parts = group.map((one) => one.inputs.get(name)!.data);
    merged.set(name, { name, type, shape: [rows, ...shape.slice(1)], data: joined(type, parts) });
  }
  return merged;
}

function joined(type: Tensor["type"], parts: readonly Tensor["data"][]): Tensor["data"] {
  if (type === "string") return (parts as string[][]).flat();
  const data = allocate(
    type,
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    data.set(part as never, at);
    at += part.length;
  }
  return data;
}

/** Each request's rows of the outputs, or undefined where the outputs are not row by row after all. */
function split(outputs: readonly Tensor[], group: readonly Waiting[]): (readonly Tensor[])[] | undefined {
  const rows = group.reduce((sum, one) => sum + one.rows, 0);
  if (!outputs.every(({ shape }) => shape[0] === rows)) return undefined;
  let from = 0;
  return group.map((one) => {
    const to = from + one.rows;
    const part = outputs.map(({ name, type, shape, data }) => {
      const size = data.length / rows;
      return { name, type, shape: [one.rows, ...shape.slice(1)], data: data.slice(from * size, to * size) };
    });
    from = to;
    return part;
  });
}
