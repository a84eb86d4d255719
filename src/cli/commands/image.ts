import { type Command, required } from "../command.ts";
import { connect } from "../connect.ts";
import { table } from "../table.ts";
import { TidewayApi } from "../tideway-api.ts";

export const imageAdd: Command = {
  name: "image add",
  summary: "let an image name stand for a program of this machine that keeps the container contract",
  args: [
    { name: "<name>", summary: "image name, as CreateModel will say it" },
    { name: "<command...>", summary: "program and arguments, after --" },
  ],
  examples: ["tideway image add my-server -- python3 -m my_server"],
  async run(call) {
    const name = required(call.args[0]);
    const command = call.args[1] as readonly string[];
    await new TidewayApi(await connect(call)).addImage(name, command);
    call.terminal.result({ name, command }, () => `${name} now runs: ${command.join(" ")}`);
  },
};

export const imageLs: Command = {
  name: "image ls",
  summary: "list the image names that can be run",
  async run(call) {
    const images = await new TidewayApi(await connect(call)).images();
    call.terminal.result({ images }, () =>
      table(
        ["IMAGE", "KIND", "COMMAND"],
        images.map(({ name, kind, command }) => [name, kind, command?.join(" ") ?? ""]),
      ),
    );
  },
};

export const imageRm: Command = {
  name: "image rm",
  summary: "forget an image name that was added",
  args: [{ name: "<name>", summary: "image name" }],
  async run(call) {
    const name = required(call.args[0]);
    await new TidewayApi(await connect(call)).removeImage(name);
    call.terminal.result({ name, removed: true }, () => `Removed ${name}.`);
  },
};
