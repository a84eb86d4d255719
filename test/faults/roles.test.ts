/** Control, gateways and instances, killed and hung one at a time, under load. */
import { existsSync } from "node:fs";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { SeededRandom } from "../support/seeded-random.ts";
import { ODD_MODEL } from "../support/tideway-server.ts";
import { faultRuns, spread, timeFor } from "./fault-runs.ts";
import { InvocationLoad } from "./invocation-load.ts";
import { type KillableServer, runs, until } from "./killable-server.ts";
import { ANSWER, answers, ROW, seesProcesses, steadyServer } from "./steady-server.ts";

const KILLS = faultRuns(2);
/** An instance that ends again and again waits longer each time before it is started. */
const INSTANCE_KILLS = Math.min(5, faultRuns(2));
/** What befalls a connection whose gateway is gone. */
const CONNECTION = /^(ECONNREFUSED|ECONNRESET|EPIPE|socket hang up|aborted)/;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const load = (server: KillableServer, kept: number, fresh: number) =>
  new InvocationLoad(server.tideway.server, "steady", ROW, { kept, fresh, expected: ANSWER });

test.skipIf(!seesProcesses)(
  `F01, F02, F03: ${KILLS} kills of control: no invocation fails, the API comes back, instances keep their processes, creations go on, what was asked in that moment is whole (needs /proc)`,
  async () => {
    await using server = await steadyServer(2);
    const { tideway } = server;
    await tideway.image("odd", ODD_MODEL);
    const random = new SeededRandom(1);
    const instances = [...server.processes().keys()];
    const steady = load(server, 8, 4);
    const back: number[] = [];
    const interrupted = { done: 0, notDone: 0, acknowledged: 0 };
    for (let kill = 0; kill < KILLS; kill++) {
      await steady.more(200);
      const name = `begun-${kill}`;
      await tideway.model(name, { Image: "odd" });
      await tideway.config(name, {});
      await tideway.sagemaker.send(
        new sagemaker.CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }),
      );
      const [control] = server.role("control");
      const accepted = Array.from({ length: 4 }, async (_, index) => {
        await pause(random.number() * 20);
        return tideway.config(`half-${kill}-${index}`, { ModelName: name }).then(
          () => true,
          (error: Error) => {
            expect(error.name).toBe("ServiceUnavailable");
            return false;
          },
        );
      });
      await pause(random.number() * 20);
      process.kill(control!, "SIGKILL");
      const killed = performance.now();
      // asked while control is away: the gateway holds the request until it is back
      await until(() => tideway.describe("steady").then(() => true, unlessRestarting));
      const returned = performance.now();
      back.push(returned - killed);
      expect(server.role("control")).not.toContain(control);
      for (const [index, acknowledged] of (await Promise.all(accepted)).entries()) {
        const again = await tideway.config(`half-${kill}-${index}`, { ModelName: name }).then(
          () => "created",
          (error: Error) => error.message,
        );
        const done = again !== "created";
        if (done) expect(again).toContain("Cannot create already existing endpoint configuration");
        if (acknowledged) expect(done).toBe(true);
        interrupted[acknowledged ? "acknowledged" : done ? "done" : "notDone"]++;
      }
      expect((await tideway.settled(name)).EndpointStatus).toBe("InService");
      await tideway.sagemaker.send(new sagemaker.DeleteEndpointCommand({ EndpointName: name }));
      // one that ends sooner counts as failing again, and its successor waits
      await pause(1200 - (performance.now() - returned));
    }
    await steady.more(200);
    await steady.stop();
    console.log(
      `${KILLS} kills of control, ${steady.answered} invocations, ${steady.failures.length} failed; API back after ${spread(back)}`,
    );
    console.log(
      `asked in that moment: ${interrupted.acknowledged} acknowledged and there, ${interrupted.done} told to try again and there, ${interrupted.notDone} told so and not there`,
    );
    expect(steady.causes).toEqual([]);
    for (const pid of instances) expect(runs(pid)).toBe(true);
  },
  timeFor(KILLS, 20_000),
);

test.skipIf(!seesProcesses)(
  `F09: ${KILLS} kills of a gateway: its connections drop, new ones are answered by the other and then by its successor (needs /proc)`,
  async () => {
    await using server = await steadyServer(1, "--gateways", "2");
    const steady = load(server, 8, 4);
    const again: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      await steady.more(200);
      const gateways = server.role("gateway");
      const victim = gateways[kill % 2]!;
      expect(gateways).toHaveLength(2);
      const before = steady.failures.length;
      const killed = performance.now();
      process.kill(victim, "SIGKILL");
      await until(() => steady.lastFreshAt > killed);
      again.push(steady.lastFreshAt - killed);
      await until(() => server.role("gateway").length === 2 && !server.role("gateway").includes(victim));
      await steady.more(200);
      // one request per caller can have been on a connection that broke
      expect(steady.failures.length - before).toBeLessThanOrEqual(12);
    }
    await steady.stop();
    console.log(
      `${KILLS} kills of a gateway, ${steady.answered} invocations, ${steady.failures.length} cut with their connection; a new connection is answered after ${spread(again)}`,
    );
    expect(steady.causes.filter((what) => !CONNECTION.test(what))).toEqual([]);
  },
  timeFor(KILLS, 20_000),
);

test.skipIf(!seesProcesses)(
  `F06: ${INSTANCE_KILLS} kills of an idle instance beside another: no client sees an error, it is replaced (needs /proc)`,
  async () => {
    await using server = await steadyServer(2);
    let answered = 0;
    const replaced: number[] = [];
    for (let kill = 0; kill < INSTANCE_KILLS; kill++) {
      const [victim] = server.modelServers();
      process.kill(victim!, "SIGKILL");
      const killed = performance.now();
      // while the kernel ends its threads it may still take a request, and then it is not idle
      await until(() => !existsSync(`/proc/${victim}`));
      do {
        const { text } = await server.tideway.invoke("steady", ROW);
        expect(text).toMatch(ANSWER);
        answered++;
      } while (server.modelServers().length < 2 || answered < 20 * (kill + 1));
      replaced.push(performance.now() - killed);
      expect((await server.tideway.describe("steady")).EndpointStatus).toBe("InService");
      await until(
        async () =>
          (await server.tideway.describe("steady")).ProductionVariants![0]!.CurrentInstanceCount === 2,
      );
    }
    console.log(
      `${INSTANCE_KILLS} kills of an idle instance, ${answered} invocations, 0 failed; its successor runs after ${spread(replaced)}`,
    );
  },
  timeFor(INSTANCE_KILLS, 20_000),
);

test.skipIf(!seesProcesses)(
  `F07: ${INSTANCE_KILLS} kills of a busy instance: its own requests fail, at once, nobody else's (needs /proc)`,
  async () => {
    await using server = await steadyServer(2);
    const { tideway } = server;
    await tideway.image("odd", ODD_MODEL);
    await tideway.deploy("odd", { Image: "odd" }, { InitialInstanceCount: 2 });
    const steady = load(server, 4, 0);
    const detected: number[] = [];
    let [failed, whole] = [0, 0];
    for (let kill = 0; kill < INSTANCE_KILLS; kill++) {
      // each takes a second or more, and the two instances have three each
      const asked = Array.from({ length: 6 }, () =>
        tideway.invoke("odd", "drip 200").then(
          ({ text }) => ({ name: text.includes("line 199") ? "whole" : "cut", at: performance.now() }),
          (error: Error) => ({ name: error.name, at: performance.now() }),
        ),
      );
      await pause(300);
      const killed = performance.now();
      for (const pid of server.programs().slice(0, 1)) process.kill(pid, "SIGKILL");
      const ends = await Promise.all(asked);
      const own = ends.filter(({ name }) => name !== "whole");
      expect(own.map(({ name }) => name)).toEqual(["ModelError", "ModelError", "ModelError"]);
      for (const { at } of own) detected.push(at - killed);
      failed += own.length;
      whole += ends.length - own.length;
      expect((await tideway.describe("odd")).EndpointStatus).toBe("InService");
      await until(
        async () => (await tideway.describe("odd")).ProductionVariants![0]!.CurrentInstanceCount === 2,
      );
    }
    await steady.stop();
    console.log(
      `${INSTANCE_KILLS} kills of a busy instance: ${failed} of its requests failed after ${spread(detected)}, ${whole} of its neighbour's answered, and ${steady.answered} of another endpoint`,
    );
    expect(steady.causes).toEqual([]);
  },
  timeFor(INSTANCE_KILLS, 20_000),
);

test.skipIf(!seesProcesses)(
  `F07: ${INSTANCE_KILLS} kills of an instance under load: only what it had fails (needs /proc)`,
  async () => {
    await using server = await steadyServer(2);
    const steady = load(server, 8, 0);
    for (let kill = 0; kill < INSTANCE_KILLS; kill++) {
      await steady.more(200);
      await until(() => server.modelServers().length === 2);
      const [victim] = server.modelServers();
      const before = steady.failures.length;
      process.kill(victim!, "SIGKILL");
      await steady.more(200);
      expect((await server.tideway.describe("steady")).EndpointStatus).toBe("InService");
      expect(steady.failures.length - before).toBeLessThanOrEqual(8);
      await until(() => server.modelServers().length === 2);
    }
    await steady.stop();
    console.log(
      `${INSTANCE_KILLS} kills of an instance, ${steady.answered} invocations, ${steady.failures.length} failed with it`,
    );
    expect(steady.causes.filter((what) => !what.startsWith("424 ModelError"))).toEqual([]);
  },
  timeFor(INSTANCE_KILLS, 20_000),
);

test.skipIf(!seesProcesses)(
  "control and a gateway killed at once: the gateway's successor serves by the routes on disk (needs /proc)",
  async () => {
    await using server = await steadyServer(1);
    const [control] = server.role("control");
    const [gateway] = server.role("gateway");
    // a control that hangs takes connections and says nothing: worse than none
    process.kill(control!, "SIGSTOP");
    process.kill(gateway!, "SIGKILL");
    const killed = performance.now();
    await until(() => answers(server));
    const took = performance.now() - killed;
    expect(server.role("control")).toContain(control);
    process.kill(control!, "SIGKILL");
    await until(() => server.tideway.describe("steady").then(() => true, unlessRestarting));
    console.log(`a gateway without control answers ${Math.round(took)} ms after its predecessor was killed`);
  },
  60_000,
);

test.skipIf(!seesProcesses).concurrent(
  "F18, F28: a control and a gateway that hang are ended and replaced; no invocation fails through control's, nothing is done twice (needs /proc)",
  async () => {
    await using server = await steadyServer(1);
    const { tideway } = server;
    const steady = load(server, 4, 0);
    const [control] = server.role("control");
    process.kill(control!, "SIGSTOP");
    const hung = performance.now();
    const asked = await tideway.config("asked", { ModelName: "steady" }).then(
      () => "done",
      (error: Error) => error.name,
    );
    expect(asked).toBe("ServiceUnavailable");
    await until(() => !runs(control!) && server.role("control").length === 1);
    const ended = performance.now() - hung;
    // it was never read by the one that hung: this is the only one
    await until(() => tideway.config("asked", { ModelName: "steady" }).then(() => true, unlessRestarting));
    await steady.stop();
    expect(steady.causes).toEqual([]);

    const [gateway] = server.role("gateway");
    process.kill(gateway!, "SIGSTOP");
    await until(() => !runs(gateway!) && server.role("gateway").length === 1);
    await until(() => answers(server));
    console.log(
      `control hung: ended after ${Math.round(ended)} ms, ${steady.answered} invocations meanwhile, 0 failed`,
    );
  },
  60_000,
);

test.skipIf(!seesProcesses).concurrent(
  "F18: a supervisor that sleeps takes nobody for hung when it wakes (needs /proc)",
  async () => {
    await using server = await steadyServer(1);
    const roles = () => [...server.role("control"), ...server.role("gateway")];
    const before = roles();
    // for longer than what counts as hanging
    const sleeping = [server.pid, ...before];
    for (const pid of sleeping) process.kill(pid, "SIGSTOP");
    await pause(7000);
    for (const pid of sleeping) process.kill(pid, "SIGCONT");
    await until(() => answers(server));
    await pause(2000);
    expect((await server.tideway.describe("steady")).EndpointStatus).toBe("InService");
    expect(roles()).toEqual(before);
  },
  60_000,
);

/** What a request may end with that control had begun to answer: every SDK tries again then. */
function unlessRestarting(error: Error): boolean {
  if (error.name !== "ServiceUnavailable") throw error;
  return false;
}
