import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { exportLines, shellOf, SHELLS, unsetLines, variables } from "../../src/cli/shells.ts";

const connection = {
  url: "http://127.0.0.1:4580",
  region: "eu-west-1",
  accountId: "000000000000",
  accessKeyId: "TWAK1",
  secretAccessKey: `it's a "$secret" \\ \`x\``,
};
const values = variables(connection);

test("a POSIX shell gets back exactly what was meant, whatever is in the secret", () => {
  const script = [...exportLines("bash", values), "env"].join("\n");
  const env = execFileSync("sh", ["-c", script], {
    env: { PATH: process.env["PATH"], AWS_PROFILE: "prod" },
  }).toString();
  for (const [name, value] of Object.entries(values)) expect(env).toContain(`${name}=${value}\n`);
  expect(env).not.toContain("AWS_PROFILE");
});

test("unset takes every variable away again", () => {
  const names = Object.keys(values);
  const script = [...exportLines("bash", values), ...unsetLines("bash", names), "env"].join("\n");
  expect(execFileSync("sh", ["-c", script], { env: { PATH: process.env["PATH"] } }).toString()).not.toContain(
    "AWS_",
  );
});

test.each([
  ["fish", String.raw`set -gx AWS_SECRET_ACCESS_KEY 'it\'s a "$secret" \\ ` + "`x`';"],
  ["pwsh", "$Env:AWS_SECRET_ACCESS_KEY = 'it''s a \"$secret\" \\ `x`'"],
  ["dotenv", 'AWS_SECRET_ACCESS_KEY="it\'s a \\"\\$secret\\" \\\\ \\`x\\`"'],
] as const)("%s quotes as it should", (shell, line) => {
  expect(exportLines(shell, values)).toContain(line);
});

test("json is one object, and every shell names the endpoint", () => {
  expect(JSON.parse(exportLines("json", values).join(""))).toEqual(values);
  for (const shell of SHELLS)
    expect(exportLines(shell, values).join("\n")).toContain("http://127.0.0.1:4580");
});

test("the shell is the user's, and bash where it is not one of ours", () => {
  expect(shellOf({ SHELL: "/usr/bin/fish" })).toBe("fish");
  expect(shellOf({ SHELL: "/bin/dash" })).toBe("bash");
  expect(shellOf({})).toBe("bash");
});
