import { expect, test } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import type { Command } from "../../src/cli/command.ts";
import { CliError } from "../../src/cli/exit-codes.ts";
import { runProgram, wholeNumber } from "../../src/cli/program.ts";

async function run(list: readonly Command[], ...words: string[]) {
  let [out, err] = ["", ""];
  const code = await runProgram(list, words, {
    out: { write: (chunk) => (out += chunk.toString()) },
    err: { write: (chunk) => (err += chunk.toString()) },
    env: {},
    signal: new AbortController().signal,
    version: "1.2.3",
  });
  return { code, out, err };
}

const greet: Command = {
  name: "greet",
  summary: "say hello",
  args: [{ name: "<name>", summary: "whom" }],
  options: [
    { flags: "-e, --env <K=V>", summary: "repeatable", many: true },
    { flags: "--no-wait", summary: "do not wait" },
    { flags: "--mood <mood>", summary: "how", choices: ["good", "bad"] },
  ],
  async run({ args, options, terminal }) {
    if (args[0] === "nobody") throw new CliError("notFound", "There is nobody.", "Try somebody.");
    if (args[0] === "bug") throw new TypeError("x is not a function");
    terminal.result(
      { to: args[0], env: options["env"], wait: options["wait"] },
      () => `hello ${String(args[0])}`,
    );
  },
};
const talk: Command = {
  name: "radio talk",
  summary: "say words",
  local: true,
  args: [
    { name: "<channel>", summary: "where" },
    { name: "<words...>", summary: "what" },
  ],
  async run({ args, terminal }) {
    terminal.result({ args }, () => String(args));
  },
};
const both = [greet, talk];

test("a command gets its arguments and options, and answers a person", async () => {
  expect(await run(both, "greet", "you")).toEqual({ code: 0, out: "hello you\n", err: "" });
});

test("--json answers a program, with repeated options collected", async () => {
  const { out } = await run(both, "greet", "you", "-e", "A=1", "--env", "B=2", "--no-wait", "--json");
  expect(JSON.parse(out)).toEqual({ event: "result", to: "you", env: ["A=1", "B=2"], wait: false });
});

test("words after -- are the command's own, options and all", async () => {
  const { out } = await run(both, "radio", "talk", "--json", "one", "--", "python3", "-m", "x", "--json");
  expect(JSON.parse(out).args).toEqual(["one", ["python3", "-m", "x", "--json"]]);
});

test("a mistake is a sentence, a hint and an exit code, without a stack", async () => {
  expect(await run(both, "greet", "nobody")).toEqual({
    code: 3,
    out: "",
    err: "error: There is nobody.\nTry somebody.\n",
  });
  const { code, out } = await run(both, "greet", "nobody", "--json");
  expect([code, JSON.parse(out)]).toEqual([
    3,
    { event: "error", message: "There is nobody.", hint: "Try somebody.", exitCode: 3 },
  ]);
});

test("a fault of ours keeps its stack", async () => {
  const { code, err } = await run(both, "greet", "bug");
  expect(code).toBe(1);
  expect(err).toMatch(/fault in Tideway itself: TypeError[\s\S]*program\.test\.ts/);
});

test("misuse exits with 2 and suggests what was meant", async () => {
  const typo = await run(both, "gret", "you");
  expect([typo.code, typo.err]).toEqual([2, expect.stringContaining("Did you mean greet?")]);
  expect((await run(both, "greet")).code).toBe(2);
  expect((await run(both, "greet", "you", "--mod", "good")).err).toContain("Did you mean --mood?");
  expect((await run(both, "greet", "you", "--mood", "fair")).err).toContain("Allowed choices are good, bad");
  const { out } = await run(both, "greet", "--json");
  expect(JSON.parse(out)).toMatchObject({ event: "error", exitCode: 2 });
});

test("an interrupted command exits with 130, quietly", async () => {
  const stop = new AbortController();
  const waits: Command = {
    name: "wait",
    summary: "until stopped",
    async run({ signal }) {
      stop.abort();
      signal.throwIfAborted();
    },
  };
  let said = "";
  const sink = { write: (chunk: string | Uint8Array) => (said += chunk.toString()) };
  const world = { out: sink, err: sink, env: {}, signal: stop.signal, version: "1" };
  expect([await runProgram([waits], ["wait"], world), said]).toEqual([130, ""]);
});

test("every command of ours has its help, and its summary is one line of the overview", async () => {
  const { out: overview } = await run(commands, "--help");
  for (const { name } of commands) {
    const { code, out } = await run(commands, ...name.split(" "), "--help");
    expect([code, out]).toEqual([0, expect.stringContaining(`Usage: tideway ${name}`)]);
    expect(overview).toContain(`  ${name.split(" ")[0]}`);
  }
  expect((await run(commands, "--version")).out).toBe("1.2.3\n");
});

test("a number is checked and the flag named", () => {
  expect(wholeNumber("0", "--port", 0, 65_535)).toBe(0);
  for (const wrong of ["-1", "65536", "4.5", "x", "", undefined])
    expect(() => wholeNumber(wrong, "--port", 0, 65_535)).toThrow(
      "--port takes a whole number from 0 to 65535",
    );
});
