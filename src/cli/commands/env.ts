import { type Command, text } from "../command.ts";
import { dataFolder } from "../data-folder.ts";
import { fromFolder } from "../connect.ts";
import { exportLines, type Shell, shellOf, SHELLS, unsetLines, variables } from "../shells.ts";
import { TidewayApi } from "../tideway-api.ts";

export const env: Command = {
  name: "env",
  summary: "print the environment that points boto3, the AWS CLI, the SDKs and Terraform here",
  options: [
    { flags: "--shell <name>", summary: "whose language (default: yours)", choices: SHELLS },
    { flags: "--unset", summary: "print what takes it away again" },
  ],
  examples: [
    'eval "$(tideway env)"',
    "tideway env --shell fish | source",
    "tideway env --shell dotenv > .env",
  ],
  async run({ options, terminal, env, signal }) {
    const shell = (text(options["shell"]) as Shell | undefined) ?? (terminal.json ? "json" : shellOf(env));
    if (options["unset"] === true) {
      const none = { url: "", region: "", accountId: "", accessKeyId: "", secretAccessKey: "" };
      for (const line of unsetLines(shell, Object.keys(variables(none)))) terminal.bytes(`${line}\n`);
      return;
    }
    // Never from AWS_ENDPOINT_URL: it may be a former server's.
    const connection = await fromFolder(dataFolder(text(options["data"]), env));
    await new TidewayApi(connection).info(signal);
    for (const line of exportLines(shell, variables(connection))) terminal.bytes(`${line}\n`);
  },
};
