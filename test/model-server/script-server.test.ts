import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, onTestFinished, test } from "vitest";

import { Instance } from "./instance.ts";

const program = fileURLToPath(new URL("../../python/tideway_script_server", import.meta.url));
const python = spawnSync("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 8))"]).status === 0;
const numpy = python && spawnSync("python3", ["-c", "import numpy"]).status === 0;

/** A model folder with these files in code/. */
async function artifact(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "script-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "code"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, "code", name), text);
  return folder;
}
const start = async (files: Readonly<Record<string, string>>, env: Record<string, string> = {}) =>
  Instance.start(["python3", program], { TIDEWAY_MODEL_DIR: await artifact(files), ...env });
const serve = async (script: string, env?: Record<string, string>) =>
  (await start({ "inference.py": script }, env)).ready();

const doubling = `
def model_fn(model_dir):
    return lambda rows: [[2 * value for value in row] for row in (rows.tolist() if hasattr(rows, "tolist") else rows)]
`;

describe.skipIf(!python)("script mode (needs python3)", () => {
  test("the defaults read and write JSON and CSV, and call the model", async () => {
    await using instance = await serve(doubling);
    expect(await instance.invoke("[[1, 2], [3, 4]]", "application/json")).toMatchObject({
      status: 200,
      type: "application/json",
      text: "[[2, 4], [6, 8]]",
    });
    expect(await instance.invoke("1,2.5\n", "text/csv", "text/csv")).toMatchObject({
      status: 200,
      type: "text/csv",
      text: "2.0,5.0\n",
    });
    expect(await instance.invoke("x", "image/png")).toMatchObject({
      status: 415,
      text: expect.stringContaining("Content type image/png is not supported"),
    });
    expect(await instance.invoke("[", "application/json")).toMatchObject({
      status: 400,
      text: expect.stringContaining("not valid application/json"),
    });
    expect((await instance.invoke(Uint8Array.of(0xff), "text/csv")).status).toBe(400);
    expect((await instance.send("GET", "/else")).status).toBe(404);
    expect((await instance.send("GET", "/invocations")).status).toBe(405);
    expect((await instance.send("POST", "/ping")).status).toBe(405);
  });

  test("the server's own modules are not in the script's way", async () => {
    await using instance = await start({ "inference.py": "import codec" });
    expect((await instance.exited).code).toBe(1);
    expect(instance.stderr).toMatch(/needs the Python package 'codec'/);
  });

  test("the script has modules of its own, and its functions see body, content type, accept and context", async () => {
    const files = {
      "codec.py": "def joined(values):\n    return '|'.join(map(str, values))\n",
      "inference.py": `
import codec
def model_fn(model_dir, context):
    return context.system_properties["model_dir"] == model_dir
def input_fn(body, content_type):
    return (type(body).__name__, content_type)
def predict_fn(data, model, context):
    return data + (model, context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes"))
def output_fn(prediction, accept):
    return codec.joined(prediction + (accept,)), "text/plain"
`,
    };
    await using instance = await (await start(files)).ready();
    const headers = { "content-type": "text/csv", accept: "a/b", "x-amzn-sagemaker-custom-attributes": "c" };
    expect(await instance.send("POST", "/invocations", "1", headers)).toMatchObject({
      status: 200,
      type: "text/plain",
      text: "str|text/csv|True|c|a/b",
    });
    expect((await instance.invoke("1", "image/png")).text).toBe("bytes|image/png|True|None|application/json");
  });

  test("transform_fn takes the whole request, and SAGEMAKER_PROGRAM names the script", async () => {
    const script = `
def model_fn(model_dir):
    return "m"
def transform_fn(model, body, content_type, accept):
    return (model + body).encode(), accept
`;
    await using instance = await (
      await start({ "serve.py": script }, { SAGEMAKER_PROGRAM: "serve.py" })
    ).ready();
    expect(await instance.invoke("1", "text/csv", "text/x")).toMatchObject({
      status: 200,
      type: "text/x",
      text: "m1",
    });
  });

  test.skipIf(!numpy)("arrays are NumPy's where it is installed (needs NumPy)", async () => {
    await using instance = await serve("def model_fn(model_dir):\n    return lambda array: array * 2\n");
    expect((await instance.invoke("1,2\n3,4", "text/csv")).text).toBe("[[2.0, 4.0], [6.0, 8.0]]");
    const npy = await instance.invoke("1,2\n3,4", "text/csv", "application/x-npy");
    expect(npy.body.subarray(0, 6).toString("latin1")).toBe("\x93NUMPY");
    expect((await instance.invoke(npy.body, "application/x-npy", "text/csv")).text).toBe(
      "4.0,8.0\n12.0,16.0\n",
    );
  });

  test("an exception of the script is a 500 with its words, its traceback in the log, and no end", async () => {
    await using instance = await serve(`${doubling}
def predict_fn(data, model):
    raise KeyError("feature_7")
`);
    expect(await instance.invoke("[[1]]", "application/json")).toMatchObject({
      status: 500,
      text: "KeyError: 'feature_7'",
    });
    expect((await instance.send("GET", "/ping")).status).toBe(200);
    expect(instance.stderr).toMatch(/Traceback[\s\S]*inference\.py", line \d+, in predict_fn/);
  });

  test("an answer that is neither text nor bytes, or forges a header, is an error", async () => {
    await using instance = await serve(`${doubling}
def output_fn(prediction, accept):
    return (5, "text/plain") if accept == "number" else ("x", "text/plain\\r\\nx-forged: 1")
`);
    expect(await instance.invoke("[[1]]", "application/json", "number")).toMatchObject({
      status: 500,
      text: expect.stringContaining("must be str or bytes"),
    });
    expect((await instance.invoke("[[1]]", "application/json")).status).toBe(500);
  });

  test("/ping is answered during a slow request, and requests run one at a time", async () => {
    await using instance = await serve(`
import threading, time
inside = []
def model_fn(model_dir):
    return None
def transform_fn(model, body, content_type, accept):
    inside.append(1)
    most = len(inside)
    time.sleep(0.1)
    inside.pop()
    return str(most), "text/plain"
`);
    const slow = [
      instance.invoke("", "text/csv"),
      instance.invoke("", "text/csv"),
      instance.invoke("", "text/csv"),
    ];
    expect((await instance.send("GET", "/ping")).status).toBe(200);
    expect((await Promise.all(slow)).map(({ text }) => text)).toEqual(["1", "1", "1"]);
  });

  test("workers are processes of their own", async () => {
    await using instance = await serve(
      "import os, time\ndef model_fn(model_dir):\n    return None\ndef transform_fn(model, body, content_type, accept):\n    time.sleep(0.1)\n    return str(os.getpid()), 'text/plain'\n",
      { SAGEMAKER_MODEL_SERVER_WORKERS: "3" },
    );
    const pids = await Promise.all(Array.from({ length: 9 }, () => instance.invoke("", "text/csv")));
    expect(new Set(pids.map(({ text }) => text)).size).toBeGreaterThan(1);
    instance.child.kill("SIGTERM");
    expect(await instance.exited).toEqual({ code: 0, signal: null });
  });

  test("reads chunked bodies, and refuses those over the limit", async () => {
    await using instance = await serve(doubling, { TIDEWAY_MAX_BODY_BYTES: "20" });
    const chunked = { "content-type": "application/json", "transfer-encoding": "chunked" };
    expect((await instance.send("POST", "/invocations", "[[1, 2]]", chunked)).text).toBe("[[2, 4]]");
    expect((await instance.send("POST", "/invocations", "[[1, 2, 3, 4, 5, 6, 7, 8]]", chunked)).status).toBe(
      413,
    );
    expect((await instance.invoke("[[1, 2, 3, 4, 5, 6, 7, 8]]", "application/json")).status).toBe(413);
  });

  test("answers over TCP too", async () => {
    await using instance = await serve(doubling, { SAGEMAKER_BIND_TO_PORT: "0" });
    expect((await instance.invoke("[[1]]", "application/json")).text).toBe("[[2]]");
  });

  test("SIGTERM ends it after the request that has begun; the parent's end ends it at once", async () => {
    const script = `
import time
def model_fn(model_dir):
    return None
def transform_fn(model, body, content_type, accept):
    print("begun", flush=True)
    time.sleep(0.3)
    return "done", "text/plain"
`;
    await using instance = await serve(script);
    const answer = instance.invoke("", "text/csv");
    while (!instance.stdout.includes("begun")) await new Promise((resolve) => setTimeout(resolve, 5));
    instance.child.kill("SIGTERM");
    expect((await answer).text).toBe("done");
    expect(await instance.exited).toEqual({ code: 0, signal: null });

    await using orphan = await serve(script);
    orphan.child.stdin!.end();
    expect(await orphan.exited).toEqual({ code: 0, signal: null });
  });

  test("leaves no bytecode in the model's folder", async () => {
    const folder = await artifact({ "inference.py": `import other\n${doubling}`, "other.py": "" });
    await using instance = await Instance.start(["python3", program], { TIDEWAY_MODEL_DIR: folder });
    await instance.ready();
    expect((await readdir(join(folder, "code"))).sort()).toEqual(["inference.py", "other.py"]);
  });

  describe("ends with a clear last line for", () => {
    test.each<[string, Record<string, string>, RegExp]>([
      [
        "no script",
        { "other.py": "" },
        /^The artifact has no code\/inference\.py\. Put a script with model_fn\(model_dir\) there, or name it by SAGEMAKER_PROGRAM\. Files seen: code\.$/,
      ],
      [
        "no model_fn",
        { "inference.py": "x = 1" },
        /^code\/inference\.py has no model_fn\(model_dir\): write one/,
      ],
      [
        "a missing package",
        { "inference.py": "import no_such_package.part" },
        /^inference\.py needs the Python package 'no_such_package', which \S+ does not have\. Install it with: \S+ -m pip install no_such_package$/,
      ],
      [
        "a missing package in model_fn",
        { "inference.py": "def model_fn(d):\n    import no_such_package" },
        /^inference\.py needs the Python package 'no_such_package'/,
      ],
      [
        "a syntax error",
        { "inference.py": "def model_fn(:" },
        /^code\/inference\.py can not be run: SyntaxError: .*inference\.py, line 1\)$/,
      ],
      [
        "an exception in model_fn",
        { "inference.py": "def model_fn(d):\n    raise OSError('no weights')" },
        /^model_fn of code\/inference\.py failed: OSError: no weights$/,
      ],
      [
        "a script that exits",
        { "inference.py": "import sys\nsys.exit(0)" },
        /^code\/inference\.py can not be run: SystemExit: 0$/,
      ],
      [
        "transform_fn beside the others",
        { "inference.py": `${doubling}\ndef transform_fn(a, b, c, d): pass\ndef input_fn(a, b): pass` },
        /^code\/inference\.py has transform_fn and also/,
      ],
      [
        "requirements that are not installed",
        {
          "inference.py": doubling,
          "requirements.txt": "# comment\npip\nno-such-package==1.0\nother_missing[extra]>=2 # why\n",
        },
        /^code\/requirements\.txt names packages that \S+ does not have: no-such-package, other_missing\. Install them with: \S+ -m pip install no-such-package other_missing \(or set TIDEWAY_PIP_INSTALL=1 in the model's Environment\)\.$/,
      ],
    ])("%s", async (_, files, line) => {
      await using instance = await start(files);
      expect(await instance.exited).toEqual({ code: 1, signal: null });
      expect(instance.stderr.trimEnd().split("\n").at(-1)).toMatch(line);
    });

    test("an exception in the script, with its traceback before it", async () => {
      await using instance = await start({
        "inference.py": "def model_fn(d):\n    return open('/no/such/file')",
      });
      expect((await instance.exited).code).toBe(1);
      expect(instance.stderr).toMatch(
        /Traceback[\s\S]*inference\.py", line 2, in model_fn[\s\S]*\nmodel_fn of code\/inference\.py failed: FileNotFoundError/,
      );
    });

    test("a model_fn that fails in one of several workers", async () => {
      await using instance = await start(
        { "inference.py": "def model_fn(d):\n    raise OSError('no weights')" },
        { SAGEMAKER_MODEL_SERVER_WORKERS: "2" },
      );
      expect(await instance.exited).toEqual({ code: 1, signal: null });
    });
  });
});
