import { type Call, text } from "./command.ts";
import { type Connection, dataFolder, readServerFile } from "./data-folder.ts";
import { CliError } from "./exit-codes.ts";
import { PROGRAM } from "./program-name.ts";
import { TidewayApi } from "./tideway-api.ts";

/**
 * The server a command talks to: the one of `--data`; else the one of AWS_ENDPOINT_URL and the keys beside it, as every
 * AWS client would; else the one of the usual data folder.
 */
export async function connect({
  options,
  env,
  signal,
}: Pick<Call, "options" | "env" | "signal">): Promise<Connection> {
  const given = text(options["data"]);
  const url = env["AWS_ENDPOINT_URL"];
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"];
  if (given === undefined && url && accessKeyId && secretAccessKey) {
    const region = env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? "us-east-1";
    const { accountId } = await new TidewayApi({
      url,
      region,
      accessKeyId,
      secretAccessKey,
      accountId: "",
    }).info(signal);
    return { url, region, accountId, accessKeyId, secretAccessKey };
  }
  return fromFolder(dataFolder(given, env));
}

/** The server that runs on a data folder. */
export async function fromFolder(folder: string): Promise<Connection> {
  const server = await readServerFile(folder);
  if (!server)
    throw new CliError(
      "unreachable",
      `No server runs on the data folder ${folder}.`,
      `Start one with: ${PROGRAM} serve (or name its folder with --data DIR)`,
    );
  return server;
}
