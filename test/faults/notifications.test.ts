/** A server that is killed while it takes messages: what was acknowledged arrives, what was removed stays away. */
import * as sns from "@aws-sdk/client-sns";
import * as sqs from "@aws-sdk/client-sqs";
import { expect, test } from "vitest";
import { SeededRandom } from "../support/seeded-random.ts";
import { KillableServer } from "./killable-server.ts";

const KILLS = 4;
const WRITERS = 6;
/** How long a message is held by a writer that died with the server. */
const HELD_SECONDS = 5;
const DYING = /socket hang up|ECONNRESET|ECONNREFUSED|EPIPE|TimeoutError|aborted|ServiceUnavailable/;

function clientsOf({ tideway }: KillableServer) {
  const { url: endpoint, region, accessKeyId, secretAccessKey } = tideway.server;
  const settings = { endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
  return { sns: new sns.SNSClient(settings), sqs: new sqs.SQSClient(settings) };
}

test(
  "kill -9 between send and answer: nothing acknowledged is lost, nothing removed comes back",
  { timeout: 180_000 },
  async () => {
    const random = new SeededRandom(7);
    await using server = await KillableServer.start();
    let clients = clientsOf(server);
    const made = await clients.sqs.send(
      new sqs.CreateQueueCommand({ QueueName: "q", Attributes: { VisibilityTimeout: "0" } }),
    );
    const QueueUrl = made.QueueUrl!;
    const { TopicArn } = await clients.sns.send(new sns.CreateTopicCommand({ Name: "t" }));
    await clients.sns.send(
      new sns.SubscribeCommand({
        TopicArn,
        Protocol: "sqs",
        Endpoint: "arn:aws:sqs:us-east-1:000000000000:q",
        Attributes: { RawMessageDelivery: "true" },
      }),
    );
    const acknowledged = new Set<string>();
    const removing = new Set<string>();
    const removed = new Set<string>();

    for (let kill = 0; kill < KILLS; kill++) {
      const moment = acknowledged.size + 20 + Math.floor(random.number() * 100);
      let dead: Promise<void> | undefined;
      const work = async (writer: number) => {
        for (let index = 0; ; index++) {
          const body = `${kill}-${writer}-${index}`;
          if (writer % 2) await clients.sqs.send(new sqs.SendMessageCommand({ QueueUrl, MessageBody: body }));
          else await clients.sns.send(new sns.PublishCommand({ TopicArn, Message: body }));
          acknowledged.add(body);
          if (acknowledged.size >= moment) dead ??= server.kill();
          if (index % 5 !== 4) continue;
          const { Messages = [] } = await clients.sqs.send(
            new sqs.ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: HELD_SECONDS }),
          );
          for (const { Body, ReceiptHandle } of Messages) {
            removing.add(Body!);
            await clients.sqs.send(new sqs.DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
            removed.add(Body!);
          }
        }
      };
      const writers = Array.from({ length: WRITERS }, (_, writer) =>
        work(writer).catch((error: Error & { code?: string }) => {
          if (!dead || !DYING.test(`${error.name} ${error.message} ${error.code}`)) throw error;
        }),
      );
      await Promise.all(writers);
      await dead;
      await server.restart();
      clients = clientsOf(server);
    }

    const found = new Set<string>();
    for (;;) {
      const { Messages = [] } = await clients.sqs.send(
        new sqs.ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          VisibilityTimeout: 600,
          WaitTimeSeconds: HELD_SECONDS + 1,
        }),
      );
      for (const { Body } of Messages) found.add(Body!);
      if (!Messages.length) break;
    }
    const lost = [...acknowledged].filter((body) => !found.has(body) && !removing.has(body));
    const back = [...found].filter((body) => removed.has(body));
    const fromTopic = back.filter((body) => Number(body.split("-")[1]) % 2 === 0);
    console.log(
      `${KILLS} kills, ${acknowledged.size} acknowledged, ${removed.size} removed, ${found.size} left, ` +
        `${lost.length} lost, ${fromTopic.length} delivered again by their topic`,
    );
    expect(lost).toEqual([]);
    // a topic delivers at least once
    expect(back).toEqual(fromTopic);
  },
);
