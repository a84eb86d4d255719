import { type Command, text } from "../command.ts";
import { dataFolder } from "../data-folder.ts";
import { checks, examine } from "../doctor-checks.ts";
import { CliError } from "../exit-codes.ts";
import { wholeNumber } from "../program.ts";

export const doctor: Command = {
  name: "doctor",
  summary: "look over this machine: what is there, what is missing, what that means",
  local: true,
  options: [
    { flags: "--data <dir>", summary: "data folder to look at" },
    { flags: "--port <port>", summary: "port to look at", default: "4580" },
  ],
  async run({ options, terminal, env }) {
    const dataDir = dataFolder(text(options["data"]), env);
    const port = wholeNumber(options["port"], "--port", 1, 65_535);
    const broken: string[] = [];
    for (const check of checks({ env, dataDir, port, nodeVersion: process.versions.node })) {
      const finding = await examine(check);
      const { ok, needed, name, found, meaning, fix } = finding;
      if (!ok && needed) broken.push(name);
      terminal.event("check", { ...finding });
      const mark = ok
        ? terminal.style("green", "ok     ")
        : terminal.style(needed ? "red" : "yellow", "missing");
      terminal.say(`${mark}  ${name.padEnd(13)} ${found}`);
      if (!ok) terminal.say(`${" ".repeat(23)} ${meaning}. To get it: ${fix}`);
    }
    if (broken.length > 0)
      throw new CliError("failure", `Tideway cannot run here without: ${broken.join(", ")}.`);
    terminal.result({ ok: true }, () => "Tideway can run here.");
  },
};
