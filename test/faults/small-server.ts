/** The program that a test runs with few file descriptors: a listener that says `served`, and its port on stdout. */
import { systemClock } from "../../src/base/clock.ts";
import { createListener } from "../../src/wire/listener.ts";

const listener = createListener(async (_message, reply) => void reply.end("served"), { clock: systemClock });
const { port } = await listener.listen(0, "127.0.0.1");
process.stdout.write(`${port}\n`);
process.on("disconnect", () => process.exit());
