import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { has, Session } from "./session.ts";

const expected = JSON.parse(
  readFileSync(new URL("../../examples/models/breast-cancer/expected.json", import.meta.url), "utf8"),
) as { probabilities: number[][] };

const boto3 = has("python3", "-c", "import boto3");
const awscli = has("aws", "--version");

describe("the quickstarts under examples/", () => {
  let session: Session;
  beforeAll(async () => {
    session = await Session.start();
  });
  afterAll(() => session?.[Symbol.asyncDispose]());

  /** The prediction that a quickstart prints. */
  async function printed(file: string, ...words: string[]): Promise<number[]> {
    const { code, out, err } = await session.run(file, words);
    if (code !== 0) throw new Error(`${file} ${words.join(" ")} ended with ${code}: ${err}`);
    const [, json = "{}"] = /(\{"predictions".*\})/.exec(out) ?? [];
    const [row = []] = (JSON.parse(json) as { predictions?: number[][] }).predictions ?? [];
    return row.map((value) => Number(value.toFixed(5)));
  }
  const wanted = expected.probabilities[0]!.map((value) => Number(value.toFixed(5)));

  test("JavaScript", { timeout: 120_000 }, async () => {
    expect(await printed("node", "examples/quickstart.ts")).toEqual(wanted);
  });

  test.skipIf(!boto3)(`boto3${boto3 ? "" : " (needs boto3)"}`, { timeout: 120_000 }, async () => {
    expect(await printed("python3", "examples/quickstart.py")).toEqual(wanted);
  });

  test.skipIf(!awscli)(`AWS CLI${awscli ? "" : " (needs aws)"}`, { timeout: 120_000 }, async () => {
    expect(await printed("bash", "examples/quickstart.sh")).toEqual(wanted);
  });
});
