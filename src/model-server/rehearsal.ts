import { rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import type { Clock } from "../base/clock.ts";
import { encodeFrames, headOf } from "../base/frames.ts";
import { request } from "../base/node-http.ts";
import { Instance } from "./instance.ts";

/** An ONNX file whose one node, Identity, gives back a column of float32. */
const IDENTITY =
  "CAg6QQoQCgF4EgF5IghJZGVudGl0eRIBZ1oUCgF4Eg8KDQgBEgkKAxIBTgoCCAFiFAoBeRIPCg0IARIJCgMSAU4KAggBQgQKABAN";

/**
 * Serves a model of one node and answers requests to it, so that what is done only once in a process is done before
 * there is a model: the first session of ONNX Runtime takes as long as the rest of a start, the second a millisecond or
 * two. Leaves nothing behind but what is loaded. `place` is an empty folder that sockets may be in.
 */
export async function rehearse(place: string, clock: Clock): Promise<void> {
  const model = join(place, "m.onnx");
  try {
    writeFileSync(model, Buffer.from(IDENTITY, "base64"));
    const [http, frames] = [join(place, "s"), join(place, "f")];
    const environment = {
      TIDEWAY_MODEL_DIR: place,
      TIDEWAY_SOCKET: http,
      TIDEWAY_FRAMES_SOCKET: frames,
      TIDEWAY_MAX_BATCH_SIZE: "1",
    };
    // An empty write opens the way to the log.
    const instance = new Instance(environment, () => void process.stdout.write(""), clock);
    await instance.serve();
    await Promise.all([import("./trees/xgboost.ts"), import("./trees/lightgbm.ts"), ping(http)]);
    await ask(frames, "text/csv", "1");
    await ask(frames, "application/json", '{"instances":[[1]]}');
    await instance.drain();
  } finally {
    rmSync(model, { force: true });
  }
}

function ping(socketPath: string): Promise<void> {
  return new Promise((resolve, reject) =>
    request({ socketPath, path: "/ping", agent: false })
      .on("response", (response) => response.resume().on("end", resolve))
      .on("error", reject)
      .end(),
  );
}

/** Resolves with the answer's first bytes: what it says is nobody's concern. */
function ask(path: string, type: string, body: string): Promise<void> {
  const head = headOf(["POST", "/invocations", "content-type", type, "accept", type])!;
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
      .once("data", () => socket.end())
      .on("error", reject)
      .on("close", () => resolve());
    for (const part of encodeFrames([{ kind: "request", id: 1, last: true, head, body: Buffer.from(body) }]))
      socket.write(part);
  });
}
