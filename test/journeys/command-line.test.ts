import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Session } from "./session.ts";

const CANCER = "examples/models/breast-cancer";

describe("the command line against a server", { timeout: 60_000 }, () => {
  let session: Session;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tideway-cli-"));
    session = await Session.start();
  });
  afterAll(async () => {
    await session?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("env prints what points a client here, and only its owner may read the file it comes from", async () => {
    const { code, out } = await session.tideway("env", "--shell", "json", "--data", session.dataDir);
    expect(code).toBe(0);
    const { url, accessKeyId } = session.server.connection;
    expect(JSON.parse(out)).toMatchObject({ AWS_ENDPOINT_URL: url, AWS_ACCESS_KEY_ID: accessKeyId });
    expect((await stat(join(session.dataDir, "server.json"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(session.dataDir, "credentials.json"))).mode & 0o777).toBe(0o600);
  });

  test("a model that takes asynchronous requests is deployed, and asked for a result and for a reason", async () => {
    const deployed = await session.tideway("deploy", `${CANCER}/model.onnx`, "--name", "later", "--async");
    expect(deployed.code).toBe(0);
    const [, line = ""] = /Try it: {2}(.*)/.exec(deployed.out) ?? [];
    expect(await session.run("sh", ["-c", line])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^[\d.e-]+,[\d.e-]+\n$/),
      err: expect.stringMatching(
        /^Accepted: the result will be at s3:\/\/tideway-\d+\/later\/async\/out\/.*\.out\n$/,
      ),
    });
    expect(await session.tideway("invoke", "later", "--async", "-d", "x,y")).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining(
        "The request failed: Content type application/octet-stream is not supported.",
      ),
    });
    expect((await session.tideway("rm", "later", "--all")).code).toBe(0);
  });

  test("a model without instances is deployed, asked and described; its memory has to be one that AWS has", async () => {
    const deploy = (memory: string) =>
      session.tideway("deploy", `${CANCER}/model.onnx`, "--name", "now-and-then", "--serverless", memory);
    expect(await deploy("1500")).toMatchObject({
      code: 8,
      err: expect.stringContaining("MemorySizeInMB must be 1024, 2048, 3072, 4096, 5120 or 6144, not 1500."),
    });
    const deployed = await deploy("1024");
    expect(deployed.out).toContain("InService: AllTraffic serverless");
    const [, line = ""] = /Try it: {2}(.*)/.exec(deployed.out) ?? [];
    expect(await session.run("sh", ["-c", line])).toMatchObject({ code: 0 });
    const { out } = await session.tideway("describe", "now-and-then");
    expect(out).toMatch(/AllTraffic +0\.\.5 +serverless 1024 MB/);
    expect((await session.tideway("rm", "now-and-then", "--all")).code).toBe(0);
  });

  test("a model is deployed, asked with the line that deploy ends with, described, updated, and removed", async () => {
    const deployed = await session.tideway("deploy", `${CANCER}/model.onnx`, "--name", "cancer");
    expect({ code: deployed.code, err: deployed.err }).toEqual({ code: 0, err: "" });
    expect(deployed.out).toMatch(/Uploaded model\.tar\.gz[\s\S]*InService: AllTraffic 1 of 1 instances/);
    const [, line = ""] = /Try it: {2}(.*)/.exec(deployed.out) ?? [];
    expect(await session.run("sh", ["-c", line])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^[\d.e-]+,[\d.e-]+\n$/),
    });

    const invoked = await session.tideway(
      "invoke",
      "cancer",
      "-d",
      `@${CANCER}/rows.csv`,
      "-a",
      "application/json",
      "--json",
    );
    const [answer] = lines(invoked.out);
    expect(answer).toMatchObject({ event: "result", contentType: "application/json", variant: "AllTraffic" });
    expect(JSON.parse(String(answer?.["body"])).predictions).toHaveLength(8);

    const described = await session.tideway("describe", "cancer");
    expect(described.out).toMatch(/InService[\s\S]*tideway\/auto[\s\S]*Creating -> InService/);
    expect((await session.tideway("ls")).out).toMatch(/^cancer +InService/m);
    expect((await session.tideway("logs", "cancer")).out).toContain("Serving onnx model");

    const again = lines(
      (await session.tideway("deploy", CANCER, "-n", "cancer", "--instances", "2", "--json")).out,
    );
    expect(again.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["uploaded", "model", "config", "requested", "phase", "result"]),
    );
    expect(again.at(-1)).toMatchObject({ event: "result", endpoint: "cancer", status: "InService" });

    expect((await session.tideway("rm", "cancer", "--all")).out.match(/^Deleted/gm)).toHaveLength(5);
    expect((await session.tideway("ls", "models")).out).not.toContain("cancer");
  });

  test("what goes wrong has its exit code and a sentence", async () => {
    const broken = join(folder, "broken.onnx");
    await writeFile(broken, "not a model");
    const failed = await session.tideway("deploy", broken, "-n", "broken");
    expect([failed.code, failed.err]).toEqual([
      5,
      expect.stringContaining("The deployment of broken failed"),
    ]);
    expect((await session.tideway("invoke", "nobody", "-d", "1")).code).toBe(3);
    expect((await session.tideway("describe", "nobody")).code).toBe(3);
    expect((await session.tideway("logs", "nobody")).code).toBe(3);
    expect((await session.tideway("deploy", broken, "-n", "no_such_name")).code).toBe(8);
    const elsewhere = await session.tideway("ls", "--data", folder);
    expect([elsewhere.code, elsewhere.err]).toEqual([7, expect.stringContaining("No server runs on")]);
    const second = await session.tideway("serve", "--port", "0", "--data", session.dataDir);
    expect([second.code, second.err]).toEqual([1, expect.stringContaining("uses the data folder")]);
    for (const { err } of [failed, second]) expect(err).not.toMatch(/^\s+at /m);
  });

  test("images come and go", async () => {
    expect((await session.tideway("image", "add", "my/own:1", "--", "sh", "-c", "exit 0")).code).toBe(0);
    expect((await session.tideway("image", "ls")).out).toMatch(/^my\/own:1 +command +sh -c exit 0$/m);
    expect((await session.tideway("image", "rm", "my/own:1")).code).toBe(0);
    expect((await session.tideway("image", "rm", "my/own:1")).code).toBe(3);
  });

  test("the demo predicts what scikit-learn does, and ends by itself", async () => {
    const { code, out, err } = await session.run("bin/tideway", ["demo"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/Correct: all 8 answers are scikit-learn's own/);
  });

  test("doctor never crashes on a machine that has nothing", async () => {
    const { code, out } = await session.run(
      process.execPath,
      ["src/cli/main.ts", "doctor", "--data", folder],
      {
        env: { PATH: folder },
      },
    );
    expect(code).toBe(0);
    for (const name of ["python3", "numpy", "boto3", "aws"])
      expect(out).toMatch(new RegExp(`^missing +${name} +not found$`, "m"));
    expect(out).toMatch(/^missing +sandbox +bubblewrap is not installed$/m);
    expect(out).toMatch(/^ok +onnxruntime/m);
  });
});

function lines(out: string): Record<string, unknown>[] {
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
