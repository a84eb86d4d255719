import { type Command, required, text } from "../command.ts";
import { dataFolder, removeServerFile, writeServerFile } from "../data-folder.ts";
import { CliError } from "../exit-codes.ts";
import { PROGRAM } from "../program-name.ts";
import { wholeNumber } from "../program.ts";

export const serve: Command = {
  name: "serve",
  summary: "run the server",
  local: true,
  options: [
    { flags: "--port <port>", summary: "TCP port; 0 takes a free one", default: "4580" },
    { flags: "--host <address>", summary: "address to listen on", default: "127.0.0.1" },
    { flags: "--data <dir>", summary: "data folder (default: TIDEWAY_DATA, else ~/.tideway)" },
    { flags: "--region <name>", summary: "region in every ARN", default: "us-east-1" },
    { flags: "--account-id <digits>", summary: "account in every ARN", default: "000000000000" },
    { flags: "--allow-remote", summary: "allow --host to be an address that other machines reach" },
    {
      flags: "--allowed-host <name>",
      summary: "a further Host header to answer to (repeat for more)",
      many: true,
    },
    {
      flags: "--gateways <n>",
      summary: "processes that take requests, each on a core of its own",
      default: "1",
    },
    {
      flags: "--sandbox <mode>",
      summary:
        "none, auto or required: whether models run in a sandbox (default: TIDEWAY_SANDBOX, else auto)",
    },
    {
      flags: "--describe-hold <ms>",
      summary:
        "how long DescribeEndpoint may wait for a change while an endpoint is in transition; 0 = not at all",
      default: "5000",
    },
    { flags: "--while-stdin", summary: "stop when standard input ends: with whoever started the server" },
  ],
  examples: ["tideway serve", "tideway serve --port 0 --data ./state --json"],
  async run({ options, terminal, env, signal: interrupted }) {
    const signal = options["whileStdin"] ? AbortSignal.any([interrupted, endOfInput()]) : interrupted;
    const region = required(options["region"]);
    const accountId = required(options["accountId"]);
    if (!/^[a-z]{2}(-[a-z]+)+-\d+$/.test(region))
      throw new CliError("usage", `--region takes a name like us-east-1, not "${region}".`);
    if (!/^\d{12}$/.test(accountId))
      throw new CliError("usage", `--account-id takes twelve digits, not "${accountId}".`);
    const sandbox = text(options["sandbox"]) ?? env["TIDEWAY_SANDBOX"] ?? "auto";
    if (sandbox !== "none" && sandbox !== "auto" && sandbox !== "required")
      throw new CliError("usage", `--sandbox takes none, auto or required, not "${sandbox}".`);
    const hosts = options["allowedHost"];
    const gateways = wholeNumber(options["gateways"], "--gateways", 1, 64);
    process.title = "tideway: supervisor";
    const { startProcesses } = await import("../../roles/supervisor.ts");
    await using server = await startProcesses(
      {
        host: required(options["host"]),
        port: wholeNumber(options["port"], "--port", 0, 65_535),
        dataDir: dataFolder(text(options["data"]), env),
        region,
        accountId,
        allowRemote: options["allowRemote"] === true,
        allowedHosts: Array.isArray(hosts) ? (hosts as readonly string[]) : [],
        describeHoldMs: wholeNumber(options["describeHold"], "--describe-hold", 0, 60_000),
        sandbox,
        env,
      },
      gateways,
    ).catch((error: unknown) => {
      throw startFailure(error);
    });
    const { url, accessKeyId, secretAccessKey, dataDir } = server;
    await writeServerFile(dataDir, {
      url,
      pid: process.pid,
      region,
      accountId,
      accessKeyId,
      secretAccessKey,
    });
    try {
      terminal.event("ready", { url, region, accountId, accessKeyId, secretAccessKey, dataDir });
      const byDefault = options["data"] === undefined && env["TIDEWAY_DATA"] === undefined;
      const at = byDefault ? "" : ` --data '${dataDir}'`;
      terminal.say(`Tideway listens on ${terminal.style("bold", url)}  (data in ${dataDir})`);
      terminal.say(`In another terminal:  eval "$(${PROGRAM} env${at})"   Stop with Ctrl-C.`);
      if (!signal.aborted)
        await new Promise((stop) => signal.addEventListener("abort", stop, { once: true }));
      terminal.note("Stopping: requests in flight are finished first. Again to force.");
    } finally {
      await removeServerFile(dataDir, process.pid);
    }
  },
};

/** Aborts when standard input ends. */
function endOfInput(): AbortSignal {
  const ended = new AbortController();
  for (const event of ["end", "error"]) process.stdin.once(event, () => ended.abort());
  process.stdin.resume();
  // it must not keep a server that was stopped otherwise
  if ("unref" in process.stdin) process.stdin.unref();
  return ended.signal;
}

/** What keeps a server from starting is told in a sentence; a fault of ours keeps its stack. */
function startFailure(error: unknown): unknown {
  if (!(error instanceof Error) || /^(Type|Range|Reference|Syntax)Error$/.test(error.name)) return error;
  const code = "code" in error ? error.code : undefined;
  return new CliError(code === "EADDRINUSE" ? "conflict" : "failure", error.message);
}
