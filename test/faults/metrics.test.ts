/** What metrics say of invocations, whoever is killed or restarted meanwhile. */
import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import { expect, test } from "vitest";
import { faultRuns, timeFor } from "./fault-runs.ts";
import { InvocationLoad } from "./invocation-load.ts";
import { type KillableServer, until } from "./killable-server.ts";
import { ANSWER, ROW, seesProcesses, steadyServer } from "./steady-server.ts";

const KILLS = faultRuns(1);

/** The sum of a metric of the steady endpoint since an hour ago; undefined while control is not there. */
async function sumOf(server: KillableServer, MetricName: string): Promise<number | undefined> {
  const { url: endpoint, region, accessKeyId, secretAccessKey } = server.tideway.server;
  const client = new cloudwatch.CloudWatchClient({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
  try {
    const { Datapoints = [] } = await client.send(
      new cloudwatch.GetMetricStatisticsCommand({
        Namespace: "AWS/SageMaker",
        MetricName,
        Dimensions: [
          { Name: "EndpointName", Value: "steady" },
          { Name: "VariantName", Value: "AllTraffic" },
        ],
        StartTime: new Date(Date.now() - 3_600_000),
        EndTime: new Date(Date.now() + 60_000),
        Period: 60,
        Statistics: ["Sum"],
      }),
    );
    return Datapoints.reduce((sum, { Sum = 0 }) => sum + Sum, 0);
  } catch {
    return undefined;
  } finally {
    client.destroy();
  }
}

test.skipIf(!seesProcesses)(
  `every invocation is counted once: over ${KILLS} kill(s) of control, and when the server ends in good order (needs /proc)`,
  async () => {
    await using server = await steadyServer(2);
    let expected = 0;
    const load = async (duringIt: () => void) => {
      const steady = new InvocationLoad(server.tideway.server, "steady", ROW, {
        kept: 4,
        fresh: 0,
        expected: ANSWER,
      });
      await steady.more(100);
      duringIt();
      await steady.more(100);
      await steady.stop();
      expect(steady.causes).toEqual([]);
      expected += steady.answered;
    };
    const all = async () => (await sumOf(server, "Invocations")) === expected;
    for (let kill = 0; kill < KILLS; kill++) {
      await load(() => process.kill(server.role("control")[0]!, "SIGKILL"));
      await until(all);
    }
    // with what was counted since the last batch
    await load(() => {});
    process.kill(server.pid, "SIGTERM");
    await server.ended();
    await server.restart();
    await until(all);
    expect(await sumOf(server, "InvocationModelErrors")).toBe(0);
  },
  timeFor(KILLS, 20_000),
);
