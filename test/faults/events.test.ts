/** A server that is killed while things change: each change that was acknowledged is told, under one id. */
import * as events from "@aws-sdk/client-eventbridge";
import * as sqs from "@aws-sdk/client-sqs";
import { expect, test } from "vitest";
import { SeededRandom } from "../support/seeded-random.ts";
import { faultRuns, timeFor } from "./fault-runs.ts";
import { KillableServer } from "./killable-server.ts";

const KILLS = faultRuns(2);

function clientsOf({ tideway }: KillableServer) {
  const { url: endpoint, region, accessKeyId, secretAccessKey } = tideway.server;
  const settings = { endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
  return { bus: new events.EventBridgeClient(settings), sqs: new sqs.SQSClient(settings) };
}

test(
  `kill -9 of ${KILLS} servers: no event of a change is lost`,
  async () => {
    const random = new SeededRandom(5);
    await using server = await KillableServer.start();
    let clients = clientsOf(server);
    await clients.sqs.send(new sqs.CreateQueueCommand({ QueueName: "q" }));
    const pattern = {
      "detail-type": ["SageMaker Model State Change"],
      detail: { ModelName: [{ prefix: "m-" }] },
    };
    await clients.bus.send(
      new events.PutRuleCommand({ Name: "models", EventPattern: JSON.stringify(pattern) }),
    );
    const Targets = [{ Id: "q", Arn: "arn:aws:sqs:us-east-1:000000000000:q" }];
    await clients.bus.send(new events.PutTargetsCommand({ Rule: "models", Targets }));

    const made = new Set<string>();
    for (let kill = 0; kill < KILLS; kill++) {
      const moment = made.size + 10 + Math.floor(random.number() * 30);
      let dead: Promise<void> | undefined;
      const work = async (worker: number) => {
        for (let index = 0; ; index++) {
          const name = `m-${kill}-${worker}-${index}`;
          await server.tideway.model(name, { Image: "tideway/any" });
          made.add(name);
          if (made.size >= moment) dead ??= server.kill();
        }
      };
      await Promise.allSettled([work(0), work(1), work(2)]);
      await dead;
      for (const client of Object.values(clients)) client.destroy();
      await server.restart();
      clients = clientsOf(server);
    }

    const { QueueUrl } = await clients.sqs.send(new sqs.GetQueueUrlCommand({ QueueName: "q" }));
    const ids = new Map<string, string>();
    const untold = () => [...made].filter((name) => !ids.has(name));
    while (untold().length) {
      const receive = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20, VisibilityTimeout: 600 };
      const { Messages } = await clients.sqs.send(new sqs.ReceiveMessageCommand(receive));
      // whoever waits for 20 s in vain waits for what is lost
      expect(Messages?.length ?? 0, `told is nothing of ${untold().join(", ")}`).toBeGreaterThan(0);
      for (const { Body = "" } of Messages ?? []) {
        const { id, detail } = JSON.parse(Body) as { id: string; detail: { ModelName: string } };
        expect(ids.get(detail.ModelName) ?? id).toBe(id);
        ids.set(detail.ModelName, id);
      }
    }
    for (const client of Object.values(clients)) client.destroy();
  },
  timeFor(KILLS, 15_000),
);
