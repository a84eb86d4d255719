import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KEYS, type S3Server, startS3 } from "../capabilities/s3/s3-server.ts";

const run = promisify(execFile);
const has = (command: string, ...args: string[]) => {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
const hasBoto3 = has("python3", "-c", "import boto3");
const hasAws = has("aws", "--version");

let server: S3Server;
let folder: string;
beforeAll(async () => {
  server = await startS3();
  folder = await mkdtemp(join(tmpdir(), "tideway-s3-clients-"));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

test.skipIf(!hasBoto3)(
  "boto3 does all that it does with S3 (needs python3 with boto3)",
  { timeout: 120_000 },
  async () => {
    const script = fileURLToPath(new URL("s3-boto3.py", import.meta.url));
    const { stdout } = await run("python3", [script, server.url, folder]);
    expect(stdout).toContain("ok gone");
  },
);

test.skipIf(!hasAws)("the AWS CLI's s3 commands work (needs aws)", { timeout: 180_000 }, async () => {
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: server.url,
    AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    AWS_REGION: "us-east-1",
    AWS_CONFIG_FILE: join(folder, "no-config"),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "no-credentials"),
  };
  const aws = async (...args: string[]) => (await run("aws", ["s3", ...args], { env, cwd: folder })).stdout;
  const big = Buffer.alloc(9 << 20, "0123456789abcde");
  await writeFile(join(folder, "big"), big);
  await writeFile(join(folder, "small ü+"), "small");

  await aws("mb", "s3://cli-bucket");
  await aws("cp", "big", "s3://cli-bucket/dir/big");
  await aws("cp", "small ü+", "s3://cli-bucket/dir/");
  expect(await aws("ls", "s3://cli-bucket/dir/")).toMatch(/9437184 big\n.* 5 small ü\+\n/);
  expect(await aws("ls")).toContain("cli-bucket");
  await aws("mv", "s3://cli-bucket/dir/big", "s3://cli-bucket/moved"); // a multipart object from S3 to S3
  await aws("sync", "s3://cli-bucket", "back");
  expect(big.equals(await readFile(join(folder, "back", "moved")))).toBe(true);
  expect(await readFile(join(folder, "back", "dir", "small ü+"), "utf8")).toBe("small");
  expect(await aws("sync", "back", "s3://cli-bucket")).toBe(""); // nothing is new
  const url = (await aws("presign", "s3://cli-bucket/dir/small ü+")).trim();
  expect(await (await fetch(url)).text()).toBe("small");
  await aws("rm", "--recursive", "s3://cli-bucket/dir");
  await expect(aws("rb", "s3://cli-bucket")).rejects.toThrow("BucketNotEmpty");
  await aws("rb", "--force", "s3://cli-bucket");
  await expect(aws("ls", "s3://cli-bucket")).rejects.toThrow("NoSuchBucket");
});
