/** The load generator, a process of its own: it signs all requests first, then keeps every connection busy for the time. */
import { hash } from "node:crypto";
import { percentile } from "../../src/cli/quantities.ts";
import { RequestSigner } from "../../src/cli/sign-request.ts";
import { cpuMicroseconds } from "../processes.ts";
import type { Measured, Measurement } from "./measure.ts";
import { WireClient } from "./wire-client.ts";

process.once("disconnect", () => process.exit());
process.on("message", (measurement: Measurement) => {
  measure(measurement).then(
    (measured) => process.send?.({ measured }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});

async function measure(measurement: Measurement): Promise<Measured> {
  const { connections, milliseconds, pids, perSecond } = measurement;
  const requests = written(measurement);
  const clients = await Promise.all(
    Array.from({ length: connections }, () => WireClient.open(new URL(measurement.url))),
  );
  const latencies: number[] = [];
  let errors = 0;
  let next = 0;
  const ownBefore = process.cpuUsage();
  const cpuBefore = cpuMicroseconds(pids);
  const start = performance.now();
  const end = start + milliseconds;
  /** How long one connection may take from one request to the next where they are few on purpose. */
  const interval = perSecond === undefined ? 0 : (connections / perSecond) * 1000;
  const drive = (client: WireClient) =>
    new Promise<void>((resolve, reject) => {
      let sent = start;
      const send = () => {
        sent = performance.now();
        client.ask(requests[next++ % requests.length]!, answered, reject);
      };
      const answered = (status: number) => {
        const now = performance.now();
        latencies.push(now - sent);
        if (status !== 200 && status !== 202) errors++;
        const due = sent + interval;
        if (Math.max(now, due) >= end) return resolve();
        if (due <= now) return send();
        setTimeout(send, due - now);
      };
      send();
    });
  await Promise.all(clients.map(drive));
  const took = performance.now() - start;
  const cpu = cpuMicroseconds(pids) - cpuBefore;
  const own = process.cpuUsage(ownBefore);
  for (const client of clients) client.close();
  const sorted = latencies.sort((a, b) => a - b);
  return {
    requests: sorted.length,
    errors,
    perSecond: (sorted.length / took) * 1000,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    cpuMicrosecondsPerRequest: cpu / sorted.length,
    generatorMicrosecondsPerRequest: (own.user + own.system) / sorted.length,
  };
}

/** The bytes of each request. A signature holds for 15 minutes, far longer than a measurement takes. */
function written({ url, path, bodies, headers, signer: keys }: Measurement): Buffer[] {
  const target = new URL(path, url);
  const signer = keys && new RequestSigner(keys);
  const now = new Date();
  return bodies.map((body) => {
    const all = signer
      ? signer.headers(
          {
            method: "POST",
            url: target,
            body,
            headers: { ...headers, "x-amz-content-sha256": hash("sha256", body, "hex") },
          },
          now,
        )
      : { host: target.host, ...headers };
    const lines = Object.entries({ ...all, "content-length": String(Buffer.byteLength(body)) });
    const head = `POST ${target.pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
    return Buffer.concat([Buffer.from(head), Buffer.from(body as string)]);
  });
}
