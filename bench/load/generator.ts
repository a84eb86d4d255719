/** The load generator, a process of its own: it signs all requests first, then keeps every connection busy for the time. */
import { hash } from "node:crypto";
import { percentile } from "../../src/cli/quantities.ts";
import { RequestSigner } from "../../src/cli/sign-request.ts";
import { cpuMicroseconds } from "../processes.ts";
import type { Measured, Measurement } from "./measure.ts";
import { WireClient } from "./wire-client.ts";

process.on("message", (measurement: Measurement) => {
  measure(measurement).then(
    (measured) => process.send?.({ measured }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});

async function measure(measurement: Measurement): Promise<Measured> {
  const { connections, milliseconds, pids } = measurement;
  const requests = signed(measurement);
  const clients = await Promise.all(
    Array.from({ length: connections }, () => WireClient.open(new URL(measurement.url))),
  );
  const latencies: number[] = [];
  let errors = 0;
  let next = 0;
  const cpuBefore = cpuMicroseconds(pids);
  const start = performance.now();
  const end = start + milliseconds;
  const drive = async (client: WireClient) => {
    for (let sent = performance.now(); sent < end;) {
      const status = await client.ask(requests[next++ % requests.length]!);
      const now = performance.now();
      latencies.push(now - sent);
      if (status !== 200) errors++;
      sent = now;
    }
  };
  await Promise.all(clients.map(drive));
  const took = performance.now() - start;
  const cpu = cpuMicroseconds(pids) - cpuBefore;
  for (const client of clients) client.close();
  const sorted = latencies.sort((a, b) => a - b);
  return {
    requests: sorted.length,
    errors,
    perSecond: (sorted.length / took) * 1000,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    cpuMicrosecondsPerRequest: cpu / sorted.length,
  };
}

/** The bytes of each request. A signature holds for 15 minutes, far longer than a measurement takes. */
function signed({ url, path, bodies, headers, signer: keys }: Measurement): Buffer[] {
  const target = new URL(path, url);
  const signer = new RequestSigner(keys);
  const now = new Date();
  return bodies.map((body) => {
    const all = signer.headers(
      {
        method: "POST",
        url: target,
        body,
        headers: { ...headers, "x-amz-content-sha256": hash("sha256", body, "hex") },
      },
      now,
    );
    const lines = Object.entries({ ...all, "content-length": String(Buffer.byteLength(body)) });
    return Buffer.from(
      `POST ${target.pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`,
    );
  });
}
