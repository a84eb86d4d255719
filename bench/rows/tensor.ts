import { fileURLToPath } from "node:url";
import { encodeNpy } from "../../src/model-server/codecs/npy.ts";
import { BareServer } from "../bare-server.ts";
import { compare, compared } from "../compare.ts";
import { channelMeans } from "../models/channel-means.ts";
import { sequence } from "../models/sequence.ts";
import type { Bench, Row } from "../row.ts";

const INLINE = fileURLToPath(new URL("../inline-server.ts", import.meta.url));
const SHAPE = [3, 224, 224] as const;
/** Each 602 KB. They teach no branch anything, so a few are enough. */
const TENSORS = 16;

/** An image as application/x-npy, signed, against one process that reads, checks, decodes and runs it. */
export async function tensorRows(bench: Bench): Promise<Row[]> {
  const { subject } = bench;
  const chance = sequence(5);
  const bodies = Array.from({ length: TENSORS }, () => {
    const data = Float32Array.from({ length: SHAPE[0] * SHAPE[1] * SHAPE[2] }, chance);
    return encodeNpy({ name: "image", type: "float32", shape: [1, ...SHAPE], data });
  });
  const model = await subject.upload("tensor", "model.onnx", channelMeans(SHAPE));
  await using _ = await subject.endpoint("tensor", { modelUrl: model.url });
  await using inline = await BareServer.start(INLINE, model.file, subject.connection.secretAccessKey);
  const tideway = subject.target("tensor", "application/x-npy", bodies);
  const results = await compare(bench, {
    label: "tensor",
    tideway,
    baseline: { ...tideway, url: inline.url, pids: () => [inline.pid] },
    connections: [1, 4],
    rounds: 5,
    milliseconds: 1500,
  });
  return [...results].flatMap(([connections, pair]) =>
    compared(`600 KB tensor as npy, c=${connections}`, "the same work in one process", pair, {
      rate: undefined,
      CPU: connections === 1 ? { of: "ratio", atMost: 2 } : undefined,
    }),
  );
}
