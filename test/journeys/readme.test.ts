import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { has, Session } from "./session.ts";
import { snippets } from "./snippets.ts";

const found = snippets(readFileSync(new URL("../../README.md", import.meta.url), "utf8"));
const missing: Readonly<Record<string, string | false>> = {
  boto3: !has("python3", "-c", "import boto3") && "needs python3 with boto3",
  cli: !has("aws", "--version") && "needs the AWS CLI",
};
const programs: Readonly<Record<string, readonly string[]>> = {
  bash: ["bash", "-euo", "pipefail", "-c"],
  python: ["python3", "-c"],
  js: ["node", "--input-type=module", "-e"],
};

describe("README's snippets, pasted", () => {
  let session: Session;
  beforeAll(async () => {
    session = await Session.start();
  });
  afterAll(() => session?.[Symbol.asyncDispose]());

  test("there are some for boto3, the AWS CLI and JavaScript", () => {
    expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(["boto3", "cli", "js"]));
  });

  for (const { name, language, code, expect: wanted } of found) {
    const reason = missing[name];
    test.skipIf(reason)(`${name}${reason ? ` (${reason})` : ""}`, { timeout: 120_000 }, async () => {
      const [file = "", ...words] = programs[language] ?? [];
      const { code: status, out, err } = await session.run(file, [...words, code]);
      expect({ status, err: status === 0 ? "" : err }).toEqual({ status: 0, err: "" });
      expect(out).toContain(wanted ?? "");
    });
  }
});
