import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, onTestFinished, test } from "vitest";

import { Instance } from "./instance.ts";

const program = fileURLToPath(new URL("../../src/model-server/main.ts", import.meta.url));
const vector = (name: string) => fileURLToPath(new URL(`vectors/${name}`, import.meta.url));
const demo = fileURLToPath(new URL("../../examples/models/breast-cancer/", import.meta.url));

async function folderWith(...names: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "model-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const name of names) await copyFile(vector(name), join(folder, name));
  return folder;
}
const start = (directory: string, env: Record<string, string> = {}) =>
  Instance.start([process.execPath, program], { TIDEWAY_MODEL_DIR: directory, ...env });
const serve = async (name: string, env?: Record<string, string>) =>
  (await start(await folderWith(name), env)).ready();

test("serves the demo's model over a unix socket with scikit-learn's own answers", async () => {
  await using instance = await (await start(demo)).ready();
  const expected = JSON.parse(await readFile(join(demo, "expected.json"), "utf8")) as {
    probabilities: number[][];
  };
  const csv = await instance.invoke(await readFile(join(demo, "rows.csv")), "text/csv");
  expect(csv).toMatchObject({ status: 200, type: "text/csv; charset=utf-8" });
  const predicted = csv.text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(",").map(Number));
  expect(predicted.length).toBe(expected.probabilities.length);
  predicted
    .flat()
    .forEach((value, i) => expect(Math.abs(value - expected.probabilities.flat()[i]!)).toBeLessThan(1e-5));
  expect(instance.stdout).toMatch(
    /Serving onnx model of .*: inputs X float32\[-1, 30\]; outputs probabilities float32\[-1, 2\]; loaded in [\d.]+ ms/,
  );
});

test("serves over TCP by SAGEMAKER_BIND_TO_PORT and SAGEMAKER_BASE_DIR, and on loopback only", async () => {
  const base = await mkdtemp(join(tmpdir(), "ml-"));
  onTestFinished(() => rm(base, { recursive: true }));
  await mkdir(join(base, "model"));
  await copyFile(vector("linear.onnx"), join(base, "model", "linear.onnx"));
  await using instance = await Instance.start([process.execPath, program], {
    SAGEMAKER_BASE_DIR: base,
    SAGEMAKER_BIND_TO_PORT: "0",
  });
  await instance.ready();
  expect(await instance.invoke("1,2,3", "text/csv")).toMatchObject({ status: 200, text: "22.0,28.0\n" });
});

const trees = (file: string) => vector(`../trees/vectors/${file}`);
const csvOf = (rows: readonly (readonly (number | null)[])[]) =>
  rows.map((row) => row.map((value) => value ?? "").join(",")).join("\n");
type Vector = { rows: (number | null)[][]; predictions: number[] };

describe("trees", () => {
  test.each([
    ["xgboost-binary", ".model.json", "xgboost-model"],
    ["xgboost-binary", ".model.ubj", "model.ubj"],
    ["lightgbm-binary", ".model.txt", "model.txt"],
  ])("of %s%s, with the framework's own answers", async (name, suffix, file) => {
    const directory = await folderWith();
    await copyFile(trees(name + suffix), join(directory, file));
    await using instance = await (await start(directory)).ready();
    const { rows, predictions } = JSON.parse(await readFile(trees(`${name}.json`), "utf8")) as Vector;
    const { status, text } = await instance.invoke(csvOf(rows), "text/csv");
    expect(status).toBe(200);
    // AWS's XGBoost container answers one line; everything else a line per row.
    const answers = text
      .trimEnd()
      .split(name.startsWith("xgboost") ? "," : "\n")
      .map(Number);
    expect(answers.length).toBe(predictions.length);
    answers.forEach((answer, i) => expect(Math.abs(answer - predictions[i]!)).toBeLessThan(1e-5));
  });

  test("a line per row for batch transform", async () => {
    const directory = await folderWith();
    await copyFile(trees("xgboost-binary.model.json"), join(directory, "xgboost-model"));
    await using instance = await (await start(directory, { SAGEMAKER_BATCH: "true" })).ready();
    const { rows } = JSON.parse(await readFile(trees("xgboost-binary.json"), "utf8")) as Vector;
    expect((await instance.invoke(csvOf(rows), "text/csv")).text.split("\n").length).toBe(rows.length + 1);
  });
});

describe("answers", () => {
  test("in every content type, and refuses the rest", async () => {
    await using instance = await serve("linear.onnx");
    const json = await instance.invoke('{"instances": [[1, 2, 3]]}', "application/json");
    expect(json).toMatchObject({
      status: 200,
      type: "application/json",
      text: '{"predictions": [[22.0, 28.0]]}',
    });
    expect(await instance.invoke("[1,2,3]\n[0,0,1]\n", "application/jsonlines")).toMatchObject({
      status: 200,
      text: "[22.0, 28.0]\n[5.0, 6.0]\n",
    });
    const npy = await instance.invoke("1,2,3", "text/csv", "application/x-npy");
    expect(npy).toMatchObject({ status: 200, type: "application/x-npy" });
    expect((await instance.invoke("x", "image/png")).status).toBe(415);
    expect((await instance.invoke("1,2,3", "text/csv", "image/png")).status).toBe(406);
    expect(await instance.invoke("1,2", "text/csv")).toEqual({
      status: 400,
      type: "text/plain; charset=utf-8",
      text: "Input 'x' has the shape [1, 2], but the model takes [-1, 3] (-1 is any size).",
      body: expect.any(Buffer),
    });
    expect(await instance.invoke("", "text/csv")).toMatchObject({
      status: 400,
      text: "The body is empty: send at least one row.",
    });
    expect((await instance.send("GET", "/else")).status).toBe(404);
    expect((await instance.send("GET", "/invocations")).status).toBe(405);
    expect((await instance.send("POST", "/ping")).status).toBe(405);
    expect(await instance.send("GET", "/execution-parameters")).toMatchObject({
      status: 200,
      text: '{"MaxConcurrentTransforms":2,"BatchStrategy":"MULTI_RECORD","PreferredPayloadInMB":1,"MaxPayloadInMB":6}',
    });
  });

  test("many callers at once, each with its own rows", async () => {
    await using instance = await serve("linear.onnx");
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => instance.invoke(`${i},0,0`, "text/csv")),
    );
    expect(answers.map(({ text }) => text)).toEqual(
      Array.from({ length: 40 }, (_, i) => `${i}.0,${2 * i}.0\n`),
    );
  });

  test("a body over the limit with 413, announced or not", async () => {
    await using instance = await serve("linear.onnx", { TIDEWAY_MAX_BODY_BYTES: "10" });
    expect(await instance.invoke("1,2,3,4,5,6,7", "text/csv")).toMatchObject({
      status: 413,
      text: "The body is larger than 10 bytes.",
    });
    const chunked = await instance.send("POST", "/invocations", "1,2,3,4,5,6,7", {
      "content-type": "text/csv",
      "transfer-encoding": "chunked",
    });
    expect(chunked.status).toBe(413);
    expect((await instance.invoke("1,2,3", "text/csv")).status).toBe(200);
  });

  test("NaN and infinity as valid JSON", async () => {
    await using instance = await serve("log.onnx");
    expect((await instance.invoke("[[-1], [0], [1]]", "application/json")).text).toBe(
      '{"predictions": [[null], [null], [0.0]]}',
    );
    expect((await instance.invoke("-1\n0", "text/csv")).text).toBe("nan\n-inf\n");
  });

  test("columns of a scikit-learn pipeline, text among them", async () => {
    await using instance = await serve("columns.onnx");
    const { columns } = JSON.parse(await readFile(vector("expected.json"), "utf8")) as {
      columns: { sizes: number[]; kinds: string[]; labels: number[]; probabilities: number[][] };
    };
    const csv = columns.sizes.map((size, i) => `${size},"${columns.kinds[i]}"\n`).join("");
    const rows = (await instance.invoke(csv, "text/csv")).text
      .trimEnd()
      .split("\n")
      .map((line) => line.split(",").map(Number));
    expect(rows.map(([label]) => label)).toEqual(columns.labels);
    rows.forEach(([, ...values], i) =>
      values.forEach((value, k) =>
        expect(Math.abs(value - columns.probabilities[i]![k]!)).toBeLessThan(1e-5),
      ),
    );
  });

  test("an allocation beyond all memory with 500, and goes on", async () => {
    await using instance = await serve("huge.onnx");
    const failed = await instance.invoke("1", "text/csv");
    expect(failed.status).toBe(500);
    expect(failed.text).toMatch(/^The model failed on this request: /);
    expect(failed.text).not.toMatch(/\n\s+at /);
    expect((await instance.invoke("0", "text/csv")).text).toBe("0.0\n");
  });
});

describe("ends", () => {
  test.each([
    ["a truncated model", ["truncated.onnx"], {}, /^ONNX Runtime can not load the model: [^\n]*\n$/],
    ["two models", ["linear.onnx", "log.onnx"], {}, /^The artifact holds several models [^\n]*\n$/],
    ["no model", [], {}, /^The artifact holds no model that can be served\.[^\n]*\n$/],
    [
      "a runtime that is none",
      ["linear.onnx"],
      { TIDEWAY_RUNTIME: "torch" },
      /^TIDEWAY_RUNTIME is torch, and must be onnx, xgboost or lightgbm\.\n$/,
    ],
    [
      "an answer that can not be selected",
      ["linear.onnx"],
      { SAGEMAKER_INFERENCE_OUTPUT: "predicted_label" },
      /^SAGEMAKER_INFERENCE_OUTPUT \(selectable inference\) is not supported[^\n]*\n$/,
    ],
    [
      "a port that is none",
      ["linear.onnx"],
      { SAGEMAKER_BIND_TO_PORT: "99999" },
      /^SAGEMAKER_BIND_TO_PORT is 99999, and must be a whole number up to 65535\.\n$/,
    ],
  ])("with one sentence for %s", async (_, names, env, sentence) => {
    await using instance = await start(await folderWith(...names), env);
    expect(await instance.exited).toEqual({ code: 1, signal: null });
    expect(instance.stderr).toMatch(sentence);
  });

  test("when its port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    await using instance = await start(await folderWith("linear.onnx"), {
      SAGEMAKER_BIND_TO_PORT: String(port),
    });
    expect((await instance.exited).code).toBe(1);
    expect(instance.stderr).toMatch(/^The instance can not listen: .*EADDRINUSE/);
  });

  test("with its parent", async () => {
    await using instance = await serve("linear.onnx");
    instance.child.stdin!.end();
    expect(await instance.exited).toEqual({ code: 0, signal: null });
  });

  test("on SIGTERM, after what it has begun", async () => {
    const directory = await folderWith("linear.onnx");
    await using instance = await (await start(directory)).ready();
    const body = Array.from({ length: 50_000 }, (_, i) => `${i},0,0\n`).join("");
    const begun = Promise.withResolvers<void>();
    const answers = Array.from({ length: 4 }, () =>
      instance.invoke(body, "text/csv").then((answer) => (begun.resolve(), answer)),
    );
    const all = Promise.all(answers);
    await begun.promise;
    instance.child.kill("SIGTERM");
    expect(await instance.exited).toEqual({ code: 0, signal: null });
    for (const { status, text } of await all)
      expect([status, text.split("\n").length]).toEqual([200, 50_001]);
  });

  test("a model that never ends holds its own process only, and SIGKILL ends it", async () => {
    await using instance = await serve("loop.onnx");
    void instance.invoke("1", "text/csv").catch(() => {});
    const answered = () =>
      Promise.race([
        instance.send("GET", "/ping").then(
          () => true,
          () => false,
        ),
        new Promise<boolean>((resolve) => setTimeout(resolve, 200, false)),
      ]);
    while (await answered());
    expect(instance.child.exitCode).toBe(null);
    instance.child.kill("SIGKILL");
    expect(await instance.exited).toEqual({ code: null, signal: "SIGKILL" });
  });
});

test("refuses a pickle without opening it", async () => {
  const directory = await folderWith();
  await writeFile(join(directory, "model.pkl"), "cos\nsystem\n(S'touch pwned'\ntR.");
  await using instance = await start(directory);
  expect(await instance.exited).toEqual({ code: 1, signal: null });
  expect(instance.stderr).toMatch(/^model\.pkl can only be opened by its own framework/);
});
