import { Fault } from "./http.ts";

const MAX_DEPTH = 64;

/**
 * Refuses JSON nested deeper than any request of the API is, before a parser recurses into it.
 * One pass over the bytes, which tells strings from structure and nothing else.
 */
export function refuseDeepJson(body: Uint8Array, maxDepth = MAX_DEPTH): void {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (quoted) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (++depth > maxDepth)
        throw new Fault("SerializationException", `The request is nested deeper than ${maxDepth} levels.`);
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
