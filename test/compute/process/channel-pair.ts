import type { HostChannel } from "../../../src/compute/process/host-messages.ts";

/** Two ends of a channel in memory: messages arrive later, in order, and as JSON leaves them. */
export function channelPair(): { near: HostChannel; far: HostChannel; close: () => void } {
  const closers: (() => void)[] = [];
  let open = true;
  const end = (): HostChannel & { readonly listeners: ((message: object) => void)[] } => {
    const listeners: ((message: object) => void)[] = [];
    return {
      listeners,
      send(message) {
        const text = JSON.stringify(message);
        queueMicrotask(() => {
          if (open) for (const listener of other.get(this)!) listener(JSON.parse(text) as object);
        });
      },
      onMessage: (listener) => void listeners.push(listener),
      onClose: (listener) => void closers.push(listener),
    };
  };
  const near = end();
  const far = end();
  const other = new Map<HostChannel, ((message: object) => void)[]>([
    [near, far.listeners],
    [far, near.listeners],
  ]);
  return {
    near,
    far,
    close() {
      open = false;
      for (const closer of closers.splice(0)) closer();
    },
  };
}
