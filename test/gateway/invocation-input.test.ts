import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { CONSTRAINTS, readInvocationInput } from "../../src/gateway/invocation-input.ts";
import { invocationTarget } from "../../src/gateway/invocation-target.ts";

const invoke = invocationTarget("POST", "/endpoints/iris/invocations")!;

test("members become the container's headers, whatever the operation calls them", () => {
  const headers = {
    "content-type": "text/csv",
    "x-amzn-sagemaker-accept": "a/b",
    accept: "*/*",
    cookie: "c",
  };
  expect(readInvocationInput(invoke, headers).headers).toEqual({ "content-type": "text/csv", accept: "*/*" });
  const stream = invocationTarget("POST", "/endpoints/iris/invocations-response-stream")!;
  expect(readInvocationInput(stream, headers).headers).toEqual({ "content-type": "text/csv", accept: "a/b" });
});

const read = (name: string) => () =>
  readInvocationInput(invocationTarget("POST", `/endpoints/${name}/invocations`)!, {}).endpoint;

test("the name in the path is decoded, and must be one", () => {
  expect(read("%69ris")()).toBe("iris");
  expect(read("a%2Fb")).toThrow("Value 'a/b' at 'endpointName' failed to satisfy constraint");
  expect(read("%zz")).toThrow("not properly percent-encoded");
  expect(read("x".repeat(64))).toThrow("Member must have length less than or equal to 63");
});

const MODEL = `
import json, botocore.loaders
model = botocore.loaders.Loader().load_service_model("sagemaker-runtime", "service-2")
shapes = model["shapes"]
told = {}
for operation in ("InvokeEndpoint", "InvokeEndpointWithResponseStream"):
    for name, member in shapes[operation + "Input"]["members"].items():
        if member.get("location"):
            shape = shapes[member["shape"]]
            told[operation + "." + name] = {k: shape[k] for k in ("min", "max", "pattern") if k in shape}
print(json.dumps(told))`;

function botocore(): Record<string, { min?: number; max?: number; pattern?: string }> | undefined {
  try {
    return JSON.parse(execFileSync("python3", ["-c", MODEL], { encoding: "utf8", stdio: "pipe" })) as never;
  } catch {
    return undefined;
  }
}

const model = botocore();
test.skipIf(!model)(
  "the constraints are those of the service's model (skipped without a recent botocore)",
  () => {
    for (const [name, { min = 0, max, pattern }] of Object.entries(model ?? {})) {
      const here = CONSTRAINTS[name] ?? CONSTRAINTS[name.split(".")[1]!];
      expect([name, here?.min, here?.max, here?.pattern]).toEqual([name, min, max, pattern]);
    }
  },
);
