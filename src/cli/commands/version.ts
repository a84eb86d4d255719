import type { Command } from "../command.ts";
import { packageVersion } from "../../base/package-version.ts";

export const version: Command = {
  name: "version",
  summary: "print the versions of Tideway and Node",
  local: true,
  async run({ terminal }) {
    const facts = {
      version: packageVersion(),
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    };
    terminal.result(facts, () => `tideway ${facts.version} (Node ${facts.node}, ${facts.platform})`);
  },
};
