/** Gateway: invocations to the data plane, all else to control. */
import { SessionCredentials } from "../capabilities/sts/session-credentials.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { createGateway, type Gateway } from "../gateway/gateway.ts";
import type { Handover } from "../gateway/handover.ts";
import type { Dispatcher } from "../wire/server.ts";
import { accountOf, allowedHosts, type RolePorts } from "./settings.ts";

/** Joins a gateway to its data plane and to the way to control. */
export function openGateway(
  { clock, random, log, settings, root }: RolePorts,
  dataPlane: DataPlane,
  control: Dispatcher,
  handover: Handover,
): Gateway {
  return createGateway({
    dataPlane,
    dispatcher: control,
    handover,
    credentials: new SessionCredentials(root, settings.accountId, { clock, random }),
    clock,
    random,
    log,
    account: accountOf(settings),
    allowedHosts: allowedHosts(settings),
  });
}
