/** The process of a gateway: invocations are answered here, whatever becomes of control; all else is passed on to it. */
import { ProcessUsage } from "../base/process-usage.ts";
import { createDataPlane } from "../dataplane/create-data-plane.ts";
import { ControlLink } from "../dataplane/control-link.ts";
import { RequestMetrics } from "../dataplane/request-metrics.ts";
import { createForwarder } from "../gateway/forward.ts";
import { FramedHandover } from "../gateway/handover.ts";
import { MetricOutbox } from "../telemetry/metric-outbox.ts";
import { ProcessMetrics } from "../telemetry/process-metrics.ts";
import { startOf } from "../telemetry/retention.ts";
import { createListener } from "../wire/listener.ts";
import { openGateway } from "./gateway.ts";
import type { GatewayStart } from "./role-messages.ts";
import { runRole } from "./role.ts";
import { countsRequests, DRAIN_MS } from "./settings.ts";

runRole<GatewayStart>("tideway: gateway", async (start, { ports, socket }) => {
  if (!socket) throw new Error("A gateway is started with the socket that it listens on.");
  await using parts = new AsyncDisposableStack();
  const { clock, random, log } = ports;
  const metrics = countsRequests(ports.settings) ? new RequestMetrics() : undefined;
  const dataPlane = parts.use(
    createDataPlane({
      clock,
      random,
      log,
      onInstanceFailure: (instance, failure) => link.report(instance, failure),
      onDemand: (fleet, workers) => link.demand(fleet, workers),
      ...(metrics && { metrics }),
    }),
  );
  const { routesSocket: socketPath, routesFile: file, session, gateway: id } = start;
  const link = parts.use(new ControlLink({ socketPath, file, session, id, dataPlane, clock, log }));
  await link.start();
  const usage = parts.use(new ProcessUsage());
  const processes = new ProcessMetrics(() => usage.look(), "gateway", id);
  parts.use(
    new MetricOutbox({
      id: random.uuid(),
      send: (data, sender) => link.keepMetrics(data, sender),
      collect: (outbox) => {
        // what was counted is of the second that has just ended
        metrics?.collect(outbox, startOf(clock.now(), 1000) - 1);
        processes.collect(outbox, clock.now());
        link.load(dataPlane.load());
      },
      clock,
      log,
    }),
  );
  const control = parts.use(createForwarder({ socketPath: start.controlSocket, clock, random, log }));
  const handover = parts.use(new FramedHandover({ socketPath: start.handoverSocket, random, log }));
  const gateway = parts.use(openGateway(ports, dataPlane, control, handover));
  const listener = parts.use(
    createListener((message, reply) => gateway.handle(message, reply), { clock, plain: gateway }),
  );
  await listener.listenOn(socket);
  const owned = parts.move();
  return {
    async stop() {
      await listener.drain(DRAIN_MS);
      await owned.disposeAsync();
    },
  };
});
