/**
 * What the built-in model server and the host of its process say to each other, on descriptor 3: the server says by a
 * byte how far it is; the host tells one that waits its work, as JSON to the end of the stream.
 */
export const CHANNEL_FD = 3;

/** The server waits to be told its work; it serves. */
export const MARKS = { w: "waiting", s: "serving" } as const;
export type Mark = (typeof MARKS)[keyof typeof MARKS];

/** What the server does with its channel, in its environment variable TIDEWAY_CHANNEL: says how far it is; waits for its work first. */
export const CHANNEL_USES = { tell: "tell", wait: "wait" } as const;

/** The work of a server that waited. */
export interface InstanceWork {
  /** All of it: nothing of what it was started with stays. */
  readonly environment: Readonly<Record<string, string>>;
}
