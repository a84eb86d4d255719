import { createHmac, timingSafeEqual } from "node:crypto";
import { BadToken, type ListQuery } from "./store.ts";

/** Where a page ended: the value it is sorted by, and the number of the last row to part equal values. */
export type Position = readonly [value: string | number, id: number];

const MAC_BYTES = 16;

/** Makes and reads the opaque tokens of List operations. A token holds only for its own query, and can't be forged. */
export class PageTokens {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  seal(kind: string, query: ListQuery, position: Position): string {
    const payload = Buffer.from(JSON.stringify(position));
    return Buffer.concat([this.#mac(kind, query, payload), payload]).toString("base64url");
  }

  /** Where the query goes on; undefined when it has no token. */
  open(kind: string, query: ListQuery): Position | undefined {
    if (query.token === undefined) return undefined;
    const bytes = Buffer.from(query.token, "base64url");
    const mac = bytes.subarray(0, MAC_BYTES);
    const payload = bytes.subarray(MAC_BYTES);
    // The decoder forgives stray characters; a token that isn't exactly ours is none of ours.
    const ours = bytes.toString("base64url") === query.token && mac.length === MAC_BYTES;
    if (!ours || !timingSafeEqual(mac, this.#mac(kind, query, payload)))
      throw new BadToken("the token is not one that this query was given");
    return JSON.parse(payload.toString()) as Position;
  }

  #mac(kind: string, query: ListQuery, payload: Uint8Array): Buffer {
    const asked = JSON.stringify([
      kind,
      query.nameContains,
      query.createdBefore,
      query.createdAfter,
      query.updatedBefore,
      query.updatedAfter,
      query.states,
      query.owner,
      query.sortBy,
      query.descending,
    ]);
    const mac = createHmac("sha256", this.#secret).update(asked).update("\n").update(payload).digest();
    return mac.subarray(0, MAC_BYTES);
  }
}
