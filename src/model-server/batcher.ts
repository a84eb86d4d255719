import type { Clock } from "../base/clock.ts";
import { allocate } from "./codecs/fit.ts";
import type { Model, Tensor } from "./model.ts";
import { Refusal } from "./refusal.ts";

/** A request that waits for the model. Exactly one of `resolve` and `reject` is called, unless it is abandoned. */
export interface Waiting {
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Nobody waits for the answer any more: the run can be saved. */
  readonly abandoned: boolean;
  resolve(outputs: readonly Tensor[]): void;
  reject(error: unknown): void;
}

/** How requests become runs. */
export interface Batching {
  /** Most rows of one run that was made of several requests; 1 where requests may not be merged. */
  readonly maxRows: number;
  /** How long the first request may wait for company, so that `maxRows` come together. */
  readonly maxDelayMs: number;
}

/** More rows than this in one run gain nothing and make the first caller wait for all. */
export const USUAL_ROWS = 64;
/** Callers beyond this are turned away: the gateway bounds its own queue, and this one must not grow without end. */
const MAX_WAITING = 1024;
/** After so long, what has come meanwhile (pings, callers who left) is looked at before the next run. */
const TURN_MS = 2;

/**
 * Runs requests in stages: what has arrived in one turn of the event loop runs together, and nothing waits for company
 * unless the settings say so.
 */
export class Batcher {
  readonly #model: Model;
  readonly #batching: Batching;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  /** A drain is under way, or starts at the end of this turn. */
  #running = false;
  /** Counted only while requests wait for company. */
  #waitingRows = 0;
  #cancelDelay: (() => void) | undefined;

  constructor(model: Model, batching: Batching, clock: Clock) {
    this.#model = model;
    this.#batching = batching;
    this.#clock = clock;
  }

  add(request: Waiting): void {
    if (this.#waiting.length >= MAX_WAITING)
      return request.reject(
        new Refusal(503, `${MAX_WAITING} requests are waiting for the model already: try again later.`),
      );
    this.#waiting.push(request);
    if (this.#running) return;
    const { maxRows, maxDelayMs } = this.#batching;
    if (maxDelayMs > 0 && maxRows > 1) {
      this.#waitingRows += rowsOf(request);
      if (this.#waitingRows < maxRows) {
        this.#cancelDelay ??= this.#clock.after(maxDelayMs, this.#start);
        return;
      }
    }
    this.#running = true;
    setImmediate(this.#start);
  }

  readonly #start = (): void => {
    this.#cancelDelay?.();
    this.#cancelDelay = undefined;
    this.#waitingRows = 0;
    this.#running = true;
    void this.#drain();
  };

  async #drain(): Promise<void> {
    let turn = this.#clock.monotonic();
    while (this.#waiting.length > 0) {
      const arrived = this.#waiting;
      this.#waiting = [];
      for (const group of this.#groups(arrived)) {
        const live = group.filter((one) => !one.abandoned);
        if (live.length === 0) continue;
        const running = this.#run(live);
        if (running) await running;
        if (this.#clock.monotonic() - turn < TURN_MS) continue;
        await nextTurn();
        turn = this.#clock.monotonic();
      }
    }
    this.#running = false;
  }

  /** A promise only where the model gives one: most answer at once. */
  #run(group: readonly Waiting[]): Promise<void> | undefined {
    const [first] = group as [Waiting];
    const alone = group.length === 1;
    let outputs: Promise<readonly Tensor[]> | readonly Tensor[];
    try {
      outputs = this.#model.run(alone ? first.inputs : concatenate(group));
      if (!(outputs instanceof Promise)) return this.#answer(group, outputs);
    } catch (error) {
      return this.#failed(group, error);
    }
    return outputs.then(
      (given) => this.#answer(group, given),
      (error: unknown) => this.#failed(group, error),
    );
  }

  #answer(group: readonly Waiting[], outputs: readonly Tensor[]): Promise<void> | undefined {
    if (group.length === 1) {
      group[0]!.resolve(outputs);
      return undefined;
    }
    const answers = split(outputs, group);
    if (!answers) return this.#oneByOne(group);
    for (let i = 0; i < group.length; i++) group[i]!.resolve(answers[i]!);
    return undefined;
  }

  /** One request of a group may be at fault: each gets its own run and its own error. */
  #failed(group: readonly Waiting[], error: unknown): Promise<void> | undefined {
    if (group.length > 1) return this.#oneByOne(group);
    group[0]!.reject(error);
    return undefined;
  }

  async #oneByOne(group: readonly Waiting[]): Promise<void> {
    for (const one of group) await this.#run([one]);
  }

  /** Requests whose tensors differ in nothing but their number of rows. */
  #groups(requests: readonly Waiting[]): Waiting[][] {
    const { maxRows } = this.#batching;
    if (maxRows === 1 || requests.length < 2) return requests.map((one) => [one]);
    const groups: Waiting[][] = [];
    let open: { group: Waiting[]; rows: number }[] = [];
    for (const one of requests) {
      const rows = rowsOf(one);
      let current = open.find(({ group }) => sameButRows(group[0]!.inputs, one.inputs));
      if (!current || current.rows + rows > maxRows) {
        open = open.filter((other) => other !== current);
        current = { group: [], rows: 0 };
        open.push(current);
        groups.push(current.group);
      }
      current.group.push(one);
      current.rows += rows;
    }
    return groups;
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

function rowsOf({ inputs }: Waiting): number {
  for (const { shape } of inputs.values()) return shape[0] ?? 1;
  return 1;
}

function sameButRows(a: ReadonlyMap<string, Tensor>, b: ReadonlyMap<string, Tensor>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, one] of a) {
    const other = b.get(name);
    if (!other || other.type !== one.type || other.shape.length !== one.shape.length) return false;
    for (let axis = 1; axis < one.shape.length; axis++)
      if (one.shape[axis] !== other.shape[axis]) return false;
  }
  return true;
}

function concatenate(group: readonly Waiting[]): Map<string, Tensor> {
  const merged = new Map<string, Tensor>();
  const rows = group.reduce((sum, one) => sum + rowsOf(one), 0);
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
  const rows = group.reduce((sum, one) => sum + rowsOf(one), 0);
  if (!outputs.every(({ shape }) => shape[0] === rows)) return undefined;
  let from = 0;
  return group.map((one) => {
    const count = rowsOf(one);
    const to = from + count;
    const part = outputs.map(({ name, type, shape, data }) => {
      const size = data.length / rows;
      // a view: nobody writes to outputs
      const own = Array.isArray(data)
        ? data.slice(from * size, to * size)
        : data.subarray(from * size, to * size);
      return { name, type, shape: [count, ...shape.slice(1)], data: own };
    });
    from = to;
    return part;
  });
}
