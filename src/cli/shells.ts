import type { Connection } from "./data-folder.ts";

/** The languages that `tideway env` speaks. */
export const SHELLS = ["bash", "zsh", "fish", "pwsh", "dotenv", "json"] as const;

export type Shell = (typeof SHELLS)[number];

/** What boto3, the AWS CLI, the SDKs and Terraform read to find a server and sign for it. */
export function variables(connection: Connection): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: connection.url,
    AWS_ACCESS_KEY_ID: connection.accessKeyId,
    AWS_SECRET_ACCESS_KEY: connection.secretAccessKey,
    AWS_REGION: connection.region,
    AWS_DEFAULT_REGION: connection.region,
    // Without it a client that finds no credentials waits for a machine of Amazon's to answer.
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

/** What would spoil the ones above if it were left set: a session token of other credentials, another profile. */
const IN_THE_WAY = ["AWS_SESSION_TOKEN", "AWS_PROFILE"];

/** Lines for the shell to evaluate. */
export function exportLines(shell: Shell, values: Readonly<Record<string, string>>): string[] {
  if (shell === "json") return [JSON.stringify(values)];
  const lines = shell === "dotenv" ? [] : unsetLines(shell, IN_THE_WAY);
  for (const [name, value] of Object.entries(values)) lines.push(SET[shell](name, value));
  return lines;
}

/** Lines that take the variables away again. */
export function unsetLines(shell: Shell, names: readonly string[]): string[] {
  if (shell === "json") return [JSON.stringify(Object.fromEntries(names.map((name) => [name, null])))];
  if (shell === "dotenv") return names.map((name) => `${name}=`);
  if (shell === "fish") return names.map((name) => `set -e ${name};`);
  if (shell === "pwsh") return names.map((name) => `Remove-Item Env:${name} -ErrorAction SilentlyContinue`);
  return [`unset ${names.join(" ")}`];
}

/** The user's shell, as far as the environment tells. */
export function shellOf(env: Readonly<Record<string, string | undefined>>): Shell {
  const name = (env["SHELL"] ?? "").split("/").pop();
  if (name === "zsh" || name === "fish" || name === "pwsh") return name;
  return "bash";
}

const posix = (name: string, value: string) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`;

const SET: Readonly<Record<Exclude<Shell, "json">, (name: string, value: string) => string>> = {
  bash: posix,
  zsh: posix,
  fish: (name, value) => `set -gx ${name} '${value.replace(/[\\']/g, String.raw`\$&`)}';`,
  pwsh: (name, value) => `$Env:${name} = '${value.replaceAll("'", "''")}'`,
  dotenv: (name, value) => `${name}="${value.replace(/[\\"$`]/g, String.raw`\$&`)}"`,
};
