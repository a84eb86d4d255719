import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { jsonLog } from "../../src/base/log.ts";
import { RoleProcess, restartDelayMs } from "../../src/roles/role-process.ts";

/** A role's process, with all that it is seen to do. */
function role(session = "") {
  const pids: (number | undefined)[] = [];
  const lines: string[] = [];
  const started = new RoleProcess({
    name: "odd",
    module: new URL("odd-role.ts", import.meta.url),
    clock: systemClock,
    log: jsonLog((line) => lines.push(line)),
    start: async () => ({ message: { kind: "start", start: { session } as never } }),
    onChange: (pid) => pids.push(pid),
  });
  const told = () => lines.map((line) => (JSON.parse(line) as { message: string }).message);
  return { role: started, pids, told, [Symbol.asyncDispose]: () => started.stop(0) };
}

test.each(["throws", "rejects"])(
  "F16: one that %s where nobody catches it ends, and is started again",
  async (fault) => {
    await using run = role();
    const { role: one, pids, told } = run;
    await one.start();
    const first = one.pid;
    one.send({ kind: "gateways", ids: [fault] });
    await expect.poll(() => pids.length, { timeout: 20_000 }).toBe(3);
    expect(pids).toEqual([first, undefined, one.pid]);
    expect(one.pid).not.toBe(first);
    expect(told()).toEqual(["A process of the server ended and is started again."]);
  },
  30_000,
);

test.concurrent("F28: one whose event loop stands still is ended, and started again", async () => {
  await using run = role();
  const { role: one, pids, told } = run;
  await one.start();
  one.send({ kind: "gateways", ids: ["blocks"] });
  await expect.poll(() => pids.length, { timeout: 30_000 }).toBe(3);
  expect(told()).toEqual([
    "A process of the server hangs and is ended.",
    "A process of the server ended and is started again.",
  ]);
}, 60_000);

test.concurrent("one that stands still for a moment goes on", async () => {
  await using run = role();
  const { role: one, pids, told } = run;
  await one.start();
  one.send({ kind: "gateways", ids: ["blocks shortly"] });
  await new Promise((resolve) => setTimeout(resolve, 6000));
  expect([pids, told()]).toEqual([[one.pid], []]);
}, 60_000);

test("one that can not start says why", async () => {
  await expect(role("refuses").role.start()).rejects.toThrow("There is no such thing.");
});

test("quick ends are answered with growing pauses", () => {
  expect([1, 2, 3, 4, 20].map(restartDelayMs)).toEqual([0, 100, 200, 400, 5000]);
});
