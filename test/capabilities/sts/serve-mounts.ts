/** Any services behind the real dispatcher and listener. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { SessionCredentials } from "../../../src/capabilities/sts/session-credentials.ts";
import { createListener } from "../../../src/wire/listener.ts";
import { createDispatcher, type Mount } from "../../../src/wire/server.ts";

export const ROOT_KEYS = { accessKeyId: "AKIATIDEWAYTEST", secretAccessKey: "a secret of the tests" };
export const ACCOUNT = "000000000000";

export async function serveMounts(
  mountsWith: (sessions: SessionCredentials) => Mount[],
  clock: Clock = systemClock,
  /** Answers some requests in place of the dispatcher. */
  before: (message: IncomingMessage, reply: ServerResponse) => Promise<void> | undefined = () => undefined,
) {
  const sessions = new SessionCredentials(ROOT_KEYS, ACCOUNT, { clock, random: systemRandom });
  const dispatcher = createDispatcher({
    mounts: mountsWith(sessions),
    credentials: sessions,
    clock,
    random: systemRandom,
    log: { ...silentLog, error: (message, facts) => console.error(message, facts) },
    allowedHosts: [],
  });
  const listener = createListener(
    (message, reply) => before(message, reply) ?? dispatcher.handle(message, reply),
    { clock: systemClock },
  );
  const { port } = await listener.listen(0, "127.0.0.1");
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    client: { endpoint, region: "us-east-1", credentials: ROOT_KEYS, maxAttempts: 1 },
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}
