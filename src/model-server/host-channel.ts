import { writeSync } from "node:fs";
import { Socket } from "node:net";

import { CHANNEL_FD, type InstanceWork, type MARKS } from "../base/instance-channel.ts";

/** Says how far this server is, to the host of its process. That nobody listens is no fault. */
export function say(mark: keyof typeof MARKS): void {
  try {
    writeSync(CHANNEL_FD, mark);
  } catch {
    // The host is gone, and its watcher ends this process.
  }
}

/** Waits for the work that this process is started ahead for. Ends the process when there will be none. */
export function takeWork(): Promise<InstanceWork> {
  return new Promise((resolve) => {
    // Kept open to its end: the rest is said on it.
    const channel = new Socket({ fd: CHANNEL_FD, allowHalfOpen: true });
    const parts: Buffer[] = [];
    channel.on("data", (part: Buffer) => void parts.push(part));
    channel.on("error", () => process.exit(0));
    channel.on("end", () => {
      if (!parts.length) process.exit(0);
      resolve(JSON.parse(Buffer.concat(parts).toString()) as InstanceWork);
    });
    process.once("exit", () => channel.destroy());
  });
}
