import { onnxFile, type OnnxNode, type OnnxWeights } from "./onnx-file.ts";
import { sequence } from "./sequence.ts";

export interface TransformerSize {
  readonly features: number;
  readonly tokens: number;
  readonly width: number;
  readonly layers: number;
}

/**
 * An encoder in ONNX with weights like those of training's first step: every row is spread over a sequence of tokens,
 * goes through layers of attention and a feed-forward net, and becomes one number.
 */
export function transformer({ features, tokens, width, layers }: TransformerSize): Buffer {
  const chance = sequence(7);
  const nodes: OnnxNode[] = [];
  const weights: OnnxWeights[] = [];
  const weight = (name: string, ...shape: readonly [number, number]) => {
    const bound = Math.sqrt(3 / shape[0]);
    const data = Float32Array.from({ length: shape[0] * shape[1] }, () => (chance() * 2 - 1) * bound);
    weights.push({ name, shape, data });
    return name;
  };
  const constant = (name: string, value: number) => {
    weights.push({ name, shape: [width], data: new Float32Array(width).fill(value) });
    return name;
  };
  /** Adds a node and gives the name of its output. */
  const node = (op: string, inputs: readonly string[], attributes: OnnxNode["attributes"] = {}) => {
    const output = `${op}_${nodes.length}`;
    nodes.push({ op, inputs, output, attributes });
    return output;
  };
  const one = constant("one", 1);
  const zero = constant("zero", 0);
  const normalized = (input: string) => node("LayerNormalization", [input, one, zero]);

  weights.push({ name: "tokens", shape: [3], data: BigInt64Array.of(-1n, BigInt(tokens), BigInt(width)) });
  weights.push({ name: "scale", shape: [], data: Float32Array.of(1 / Math.sqrt(width)) });
  const spread = node("MatMul", ["x", weight("spread", features, tokens * width)]);
  let hidden = normalized(node("Reshape", [spread, "tokens"]));
  for (let layer = 0; layer < layers; layer++) {
    const project = (input: string, name: string, from = width, to = width) =>
      node("MatMul", [input, weight(`${name}_${layer}`, from, to)]);
    const query = node("Mul", [project(hidden, "query"), "scale"]);
    const keys = node("Transpose", [project(hidden, "key")], { perm: [0, 2, 1] });
    const attention = node("Softmax", [node("MatMul", [query, keys])], { axis: -1 });
    const mixed = node("MatMul", [attention, project(hidden, "value")]);
    hidden = normalized(node("Add", [hidden, project(mixed, "mix")]));
    const inner = node("Relu", [project(hidden, "widen", width, 4 * width)]);
    hidden = normalized(node("Add", [hidden, project(inner, "narrow", 4 * width, width)]));
  }
  const pooled = node("ReduceMean", [hidden], { axes: [1], keepdims: 0 });
  const score = node("MatMul", [pooled, weight("score", width, 1)]);
  nodes.push({ op: "Sigmoid", inputs: [score], output: "y" });
  return onnxFile({
    nodes,
    weights,
    input: { name: "x", shape: [features] },
    output: { name: "y", shape: [1] },
  });
}
