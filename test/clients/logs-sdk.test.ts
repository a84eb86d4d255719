import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { afterAll, expect, test } from "vitest";
import { TidewayServer } from "../support/tideway-server.ts";

const MODEL = fileURLToPath(new URL("../support/printing-model.mjs", import.meta.url));
const GROUP = "/aws/sagemaker/Endpoints/talk";

const dataDir = await mkdtemp(join(tmpdir(), "tideway-logs-"));
afterAll(() => rm(dataDir, { recursive: true, force: true }));

/** A server on the folder of this file's tests, which outlives it. */
async function start() {
  const server = await TidewayServer.start({ dataDir, patience: { drainMs: 10 } });
  const { url: endpoint, region, accessKeyId, secretAccessKey } = server.server;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new logs.CloudWatchLogsClient({
    endpoint,
    region,
    credentials,
    maxAttempts: 1,
    disableHostPrefix: true,
  });
  const messages = async (filterPattern?: string) => {
    const all = await client
      .send(new logs.FilterLogEventsCommand({ logGroupName: GROUP, filterPattern }))
      .catch((error: Error) => {
        if (error.name === "ResourceNotFoundException") return { events: [] };
        throw error;
      });
    return (all.events ?? []).map(({ message }) => message);
  };
  return { server, client, messages };
}

test(
  "what an instance prints is found, tailed, and outlives the endpoint and the server",
  { timeout: 90_000 },
  async () => {
    const first = await start();
    try {
      await first.server.image("printer", MODEL, "{socket}");
      await first.server.deploy("talk", { Image: "printer" });
      await expect.poll(() => first.messages(), { timeout: 30_000 }).toEqual(["hello from the model"]);
      const { logStreams } = await first.client.send(
        new logs.DescribeLogStreamsCommand({ logGroupName: GROUP }),
      );
      expect(logStreams).toMatchObject([
        {
          logStreamName: expect.stringMatching(/^AllTraffic\/[0-9a-f]{8}-r1-0-talk-0$/),
          firstEventTimestamp: expect.any(Number),
        },
      ]);

      const { responseStream } = await first.client.send(
        new logs.StartLiveTailCommand({
          logGroupIdentifiers: [`arn:aws:logs:us-east-1:000000000000:log-group:${GROUP}`],
          logEventFilterPattern: "{ $.level = ERR* }",
        }),
      );
      const tailed: (string | undefined)[] = [];
      for await (const { sessionStart, sessionUpdate } of responseStream!) {
        if (sessionStart) {
          await first.server.invoke("talk", "plain");
          await first.server.invoke("talk", '{"level":"ERROR","of":"tail"}');
        }
        tailed.push(...(sessionUpdate?.sessionResults ?? []).map(({ message }) => message));
        if (tailed.length) break;
      }
      expect(tailed).toEqual(['{"level":"ERROR","of":"tail"}']);

      await first.server.sagemaker.send(new sagemaker.DeleteEndpointCommand({ EndpointName: "talk" }));
      await expect.poll(() => first.messages("words"), { timeout: 30_000 }).toEqual(["the last words"]);
    } finally {
      await first.server.server[Symbol.asyncDispose]();
    }

    const second = await start();
    try {
      const all = ["hello from the model", "plain", '{"level":"ERROR","of":"tail"}', "the last words"];
      expect(await second.messages()).toEqual(all);
      const [stream] = (await second.client.send(new logs.DescribeLogStreamsCommand({ logGroupName: GROUP })))
        .logStreams!;
      const get = (options: object) =>
        second.client.send(
          new logs.GetLogEventsCommand({
            logGroupName: GROUP,
            logStreamName: stream!.logStreamName!,
            ...options,
          }),
        );
      const head = await get({ startFromHead: true, limit: 3 });
      expect(head.events!.map(({ message }) => message)).toEqual(all.slice(0, 3));
      const rest = await get({ nextToken: head.nextForwardToken });
      expect(rest.events!.map(({ message }) => message)).toEqual(all.slice(3));
      const end = await get({ nextToken: rest.nextForwardToken });
      expect(end).toMatchObject({ events: [], nextForwardToken: rest.nextForwardToken });
      const back = await get({ nextToken: end.nextBackwardToken, limit: 2 });
      expect(back.events!.map(({ message }) => message)).toEqual(all.slice(2));
    } finally {
      await second.server.server[Symbol.asyncDispose]();
    }
  },
);
