/** Fleets that take each other's place under load: nobody's request is cut, also when control dies amid it. */
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { SeededRandom } from "../support/seeded-random.ts";
import { ODD_MODEL } from "../support/tideway-server.ts";
import { faultRuns, spread, timeFor } from "./fault-runs.ts";
import { InvocationLoad } from "./invocation-load.ts";
import { type KillableServer, until } from "./killable-server.ts";
import { ANSWER, ROW, seesProcesses, steadyServer } from "./steady-server.ts";

const UPDATES = faultRuns(10);
const KILLS = faultRuns(2);

/** Gives `steady` a configuration that it does not have: a new fleet takes over. */
async function update({ tideway }: KillableServer, round: number): Promise<void> {
  await tideway.sagemaker.send(
    new sagemaker.UpdateEndpointCommand({
      EndpointName: "steady",
      EndpointConfigName: round % 2 ? "steady" : "other",
    }),
  );
}

const other = ({ tideway }: KillableServer) => tideway.config("other", { ModelName: "steady" });

test.skipIf(!seesProcesses)(
  `G1: ${UPDATES} updates one after the other, two gateways, kept and new connections: no request fails (needs /proc)`,
  async () => {
    await using server = await steadyServer(1, "--gateways", "2");
    await other(server);
    const load = new InvocationLoad(server.tideway.server, "steady", ROW, {
      kept: 12,
      fresh: 12,
      expected: ANSWER,
    });
    const took: number[] = [];
    for (let round = 0; round < UPDATES; round++) {
      const before = server.modelServers();
      const begun = performance.now();
      await update(server, round);
      const settled = await server.tideway.settled("steady");
      expect(settled).toMatchObject({
        EndpointStatus: "InService",
        EndpointConfigName: round % 2 ? "steady" : "other",
      });
      took.push(performance.now() - begun);
      await load.more(500);
      expect(server.modelServers().filter((pid) => !before.includes(pid))).toHaveLength(1);
    }
    await load.stop();
    console.log(
      `${UPDATES} updates (${spread(took)}), ${load.answered} invocations, ${load.failures.length} failed`,
    );
    expect(load.causes).toEqual([]);
  },
  timeFor(UPDATES, 10_000),
);

test.skipIf(!seesProcesses)(
  `F04: ${KILLS} kills of control at random moments of updates: no request fails, one fleet is left (needs /proc)`,
  async () => {
    const random = new SeededRandom(4);
    await using server = await steadyServer(1, "--gateways", "2");
    await other(server);
    const load = new InvocationLoad(server.tideway.server, "steady", ROW, {
      kept: 4,
      fresh: 4,
      expected: ANSWER,
    });
    for (let round = 0; round < KILLS; round++) {
      await load.more(100);
      await update(server, round);
      await new Promise((resolve) => setTimeout(resolve, random.number() * 1500));
      for (const control of server.role("control")) process.kill(control, "SIGKILL");
      await until(async () => {
        const found = await server.tideway.describe("steady").catch(() => undefined);
        return found?.EndpointStatus === "InService";
      });
      const { EndpointConfigName } = await server.tideway.describe("steady");
      expect(EndpointConfigName).toBe(round % 2 ? "steady" : "other");
      await until(() => server.instances().length === 1);
    }
    await load.stop();
    console.log(
      `${KILLS} kills amid an update, ${load.answered} invocations, ${load.failures.length} failed`,
    );
    expect(load.causes).toEqual([]);
  },
  timeFor(KILLS, 20_000),
);

test("a fleet that shrinks lets every request end, though its program dies at once of SIGTERM", async () => {
  await using server = await steadyServer(1);
  const { tideway } = server;
  await tideway.image("odd", ODD_MODEL);
  await tideway.deploy("shrinking", { Image: "odd" }, { InitialInstanceCount: 3 });
  // 400 lines, one each 5 ms
  const slow = Array.from({ length: 12 }, () => tideway.invoke("shrinking", "drip 400"));
  await tideway.invoke("shrinking", "all are sent");
  await tideway.sagemaker.send(
    new sagemaker.UpdateEndpointWeightsAndCapacitiesCommand({
      EndpointName: "shrinking",
      DesiredWeightsAndCapacities: [{ VariantName: "AllTraffic", DesiredInstanceCount: 1 }],
    }),
  );
  expect(await tideway.settled("shrinking")).toMatchObject({
    ProductionVariants: [{ CurrentInstanceCount: 1 }],
  });
  const ended = await Promise.allSettled(slow);
  const whole = ended.filter((one) => one.status === "fulfilled" && one.value.text.includes("line 399"));
  console.log(`1 shrinking of 3 instances to 1 amid ${slow.length} slow requests: ${whole.length} answered`);
  expect(whole).toHaveLength(slow.length);
}, 60_000);
