import { randomBytes, randomUUID } from "node:crypto";

/** Chance as the rest of the code sees it, so that a test can seed it. */
export interface Random {
  /** At least 0, below 1. */
  number(): number;
  uuid(): string;
  bytes(length: number): Buffer;
}

export const systemRandom: Random = {
  number: () => Math.random(),
  uuid: () => randomUUID(),
  bytes: (length) => randomBytes(length),
};
