import { type Command, required } from "../command.ts";
import { connect } from "../connect.ts";
import { printable } from "../table.ts";
import { TidewayApi } from "../tideway-api.ts";

const COLOURS = ["cyan", "magenta", "green", "yellow", "blue"] as const;

export const logs: Command = {
  name: "logs",
  summary: "print what an endpoint's instances write",
  args: [{ name: "<endpoint>", summary: "endpoint name" }],
  options: [{ flags: "-f, --follow", summary: "keep printing what comes" }],
  async run(call) {
    const api = new TidewayApi(await connect(call));
    const colours = new Map<string, (typeof COLOURS)[number]>();
    const lines = api.logs(required(call.args[0]), call.options["follow"] === true, call.signal);
    for await (const { instance, line } of lines) {
      call.terminal.event("line", { instance, line });
      const colour = colours.get(instance) ?? COLOURS[colours.size % COLOURS.length] ?? "cyan";
      colours.set(instance, colour);
      call.terminal.say(`${call.terminal.style(colour, instance)} ${printable(line)}`);
    }
  },
};
