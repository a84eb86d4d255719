import type { Clock } from "../base/clock.ts";
import { Invocations, type ServerSettings } from "./invocations.ts";
import { loadOnnx } from "./onnx.ts";

/** An ONNX file whose one node, Identity, gives back a column of float32. */
const IDENTITY =
  "CAg6QQoQCgF4EgF5IghJZGVudGl0eRIBZ1oUCgF4Eg8KDQgBEgkKAxIBTgoCCAFiFAoBeRIPCg0IARIJCgMSAU4KAggBQgQKABAN";

/**
 * Does before there is a model what is done only once in a process: loads every runtime and answers a request. The
 * first session of ONNX Runtime takes as long as the rest of a start; the second, a millisecond or two.
 */
export async function loadAhead(settings: ServerSettings, clock: Clock): Promise<void> {
  await Promise.all([import("./trees/xgboost.ts"), import("./trees/lightgbm.ts")]);
  await using model = await loadOnnx(Buffer.from(IDENTITY, "base64"), 1);
  const invocations = new Invocations(model, { maxRows: 1, maxDelayMs: 0 }, settings, clock);
  for (const [type, body] of [
    ["text/csv", "1"],
    ["application/json", '{"instances":[[1]]}'],
  ] as const)
    await new Promise<void>((resolve) =>
      invocations.invoke(type, type, Buffer.from(body), { gone: false, answer: () => resolve() }),
    );
}
