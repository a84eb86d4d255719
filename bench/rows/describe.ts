import type { Bench, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";
import { ENDPOINT } from "../subject.ts";

/** DescribeEndpoint, which waiters, consoles and Terraform ask over and over. */
export async function describeRows({ subject, load, quick, note }: Bench): Promise<Row[]> {
  const rounds = quick ? 3 : 5;
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { perSecond } = await load.measure({
      url: subject.connection.url,
      pids: subject.pids(),
      path: "/",
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "SageMaker.DescribeEndpoint" },
      signer: subject.connection,
      bodies: [JSON.stringify({ EndpointName: ENDPOINT })],
      connections: 16,
      milliseconds: quick ? 1000 : 2000,
    });
    rates.push(perSecond);
  }
  note(`describe: ${rounds} rounds`);
  return [
    {
      name: "DescribeEndpoint, c=16: rate",
      unit: "req/s",
      tideway: median(rates),
      spread: [spread(rates)],
      goal: { of: "value", atLeast: 1000 },
    },
  ];
}
