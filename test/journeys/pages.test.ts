import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { has, Session } from "./session.ts";
import { snippets } from "./snippets.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const boto3 = has("python3", "-c", "import boto3");
const awscli = has("aws", "--version");
const programs: Readonly<Record<string, readonly string[]>> = {
  bash: ["bash", "-euo", "pipefail", "-c"],
  python: ["python3", "-c"],
  js: ["node", "--input-type=module", "-e"],
};

/** What a snippet needs and the machine lacks. */
function lack(language: string, code: string): string | undefined {
  if (language === "python" && !boto3) return "needs python3 with boto3";
  if (language === "bash" && /^aws /m.test(code) && !awscli) return "needs the AWS CLI";
  return undefined;
}

for (const page of ["README.md", ...globSync("docs/*.md", { cwd: root }).sort()]) {
  const found = snippets(readFileSync(new URL(page, `file://${root}/`), "utf8"));
  if (found.length === 0) continue;

  describe(`the snippets of ${page}, pasted`, () => {
    let session: Session;
    beforeAll(async () => {
      session = await Session.start();
    });
    afterAll(() => session?.[Symbol.asyncDispose]());

    for (const { name, language, code, expect: wanted } of found) {
      const reason = lack(language, code);
      test.skipIf(reason)(`${name}${reason ? ` (${reason})` : ""}`, { timeout: 120_000 }, async () => {
        const [file = "", ...words] = programs[language] ?? [];
        const { code: status, out, err } = await session.run(file, [...words, code]);
        expect({ status, err: status === 0 ? "" : err }).toEqual({ status: 0, err: "" });
        expect(out).toContain(wanted ?? "");
      });
    }
  });
}

test("README has snippets for boto3, the AWS CLI and JavaScript", () => {
  const names = snippets(readFileSync(new URL("../../README.md", import.meta.url), "utf8")).map(
    ({ name }) => name,
  );
  expect(names).toEqual(expect.arrayContaining(["boto3", "cli", "js"]));
});
