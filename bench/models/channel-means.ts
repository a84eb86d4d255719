import { onnxFile } from "./onnx-file.ts";

/** A model in ONNX that does next to nothing with an image: the mean of each channel. What its requests cost is their bytes. */
export function channelMeans(shape: readonly [channels: number, height: number, width: number]): Buffer {
  return onnxFile({
    nodes: [
      { op: "ReduceMean", inputs: ["image"], output: "means", attributes: { axes: [2, 3], keepdims: 0 } },
    ],
    weights: [],
    input: { name: "image", shape },
    output: { name: "means", shape: [shape[0]] },
  });
}
