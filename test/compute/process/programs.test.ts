import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { fileURLToPath } from "node:url";

import { afterEach, describe, expect, test } from "vitest";

import type { Address, ContainerSpec, Engine } from "../../../src/compute/engine.ts";
import type { ProcessEngineOptions } from "../../../src/compute/process/process-engine.ts";
import { failed, ready, until } from "../../contracts/instances.ts";
import { tarGz } from "../../objects/archive/tar-bytes.ts";
import { gzip, processFixture, type ProcessFixture } from "./engine-fixture.ts";

const ONNX = readFileSync(
  fileURLToPath(new URL("../../../examples/models/breast-cancer/model.onnx", import.meta.url)),
);
const SCRIPT = `
import os
def model_fn(model_dir):
    return open(os.path.join(model_dir, "factor.txt")).read()
def input_fn(body, content_type):
    return float(body)
def predict_fn(data, model):
    return data * float(model)
def output_fn(prediction, accept):
    return str(prediction)
`;
const hasPython = (() => {
  try {
    execFileSync("python3", ["-c", "pass"]);
    return true;
  } catch {
    return false;
  }
})();

const fixtures: ProcessFixture[] = [];
afterEach(async () => {
  for (const fixture of fixtures.splice(0)) await fixture.close();
});

async function start(
  image: string,
  archive: Buffer,
  options: Partial<ProcessEngineOptions> = {},
  environment: Record<string, string> = {},
): Promise<Engine> {
  const fixture = await processFixture(options);
  fixtures.push(fixture);
  fixture.objects.add("given.tar.gz", archive);
  const container: ContainerSpec = { image, environment, artifact: gzip("given.tar.gz") };
  await fixture.engine.apply({
    id: "f-1",
    endpoint: "iris",
    variant: "main",
    container,
    instanceType: "ml.m5.large",
    desired: 1,
    downloadTimeoutMs: 10_000,
    startupTimeoutMs: 20_000,
  });
  return fixture.engine;
}

function invoke(address: Address, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const where = address.kind === "unix" ? { socketPath: address.path } : { port: address.port };
    request(
      {
        ...where,
        path: "/invocations",
        method: "POST",
        headers: { "content-type": "text/csv" },
        agent: false,
      },
      (response) => {
        let answer = "";
        response.on("data", (chunk: Buffer) => (answer += chunk.toString()));
        response.on("end", () => resolve(`${response.statusCode} ${answer.trim()}`));
      },
    )
      .on("error", reject)
      .end(body);
  });
}

const answer = async (engine: Engine, body: string) =>
  invoke((await until(engine, "f-1", ready(1))).instances[0]!.address!, body);

describe("the built-in model server", () => {
  test.each([
    "tideway/onnx",
    "tideway/auto:latest",
    "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6-cpu",
  ])("serves an ONNX model under %s", async (image) => {
    const engine = await start(image, tarGz({ name: "model.onnx", content: ONNX }));
    expect(await answer(engine, Array.from({ length: 30 }, () => "1").join(","))).toMatch(/^200 .*\d/);
    expect(engine.status("f-1")!.resolvedImage).toMatch(/^builtin:(onnx|auto)$/);
  });

  test("says in its own words what is wrong with a model", async () => {
    const engine = await start("tideway/onnx", tarGz({ name: "model.onnx", content: "this is no model" }));
    const { failure } = await until(engine, "f-1", failed);
    expect(failure).toMatchObject({ reason: "artifact" });
    expect(failure!.message).toContain("model.onnx");
    expect(failure!.logTail.length).toBeGreaterThan(0);
  });
});

describe("script mode", () => {
  const archive = tarGz({ name: "code/inference.py", content: SCRIPT }, { name: "factor.txt", content: "2" });
  const sklearn = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3";

  test.skipIf(!hasPython).each(["tideway/python", sklearn])(
    "runs code/inference.py under %s (needs python3)",
    async (image) => {
      const engine = await start(image, archive);
      expect(await answer(engine, "21")).toBe("200 42.0");
      expect(engine.status("f-1")!.resolvedImage).toBe("script");
    },
  );

  test("is refused in words where there is no Python", async () => {
    const engine = await start("tideway/python", archive, { pythonPath: "no-such-python" });
    const { failure } = await until(engine, "f-1", failed);
    expect(failure).toMatchObject({ reason: "image" });
    expect(failure!.message).toMatch(/needs Python, but no-such-python was not found. Install Python 3/);
  });

  test("is refused in words when the artifact has no script", async () => {
    const engine = await start(sklearn, tarGz({ name: "model.joblib", content: "x" }));
    const { failure } = await until(engine, "f-1", failed);
    expect(failure).toMatchObject({ reason: "image" });
    expect(failure!.message).toMatch(
      /runs code\/inference\.py of the artifact, but the artifact holds only model\.joblib/,
    );
  });
});
