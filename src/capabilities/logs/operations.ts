/** The operations of CloudWatch Logs. */
import type * as sdk from "@aws-sdk/client-cloudwatch-logs";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { groupOperations } from "./group-operations.ts";
import { type LiveTailPorts, liveTailOperation } from "./live-tail.ts";
import { readOperations } from "./read-operations.ts";
import { streamOperations } from "./stream-operations.ts";

export const logsOperations = (ports: LiveTailPorts): Handlers<typeof sdk, Context> => ({
  ...groupOperations(ports.account, ports.store),
  ...streamOperations(ports.account, ports.store, ports.clock),
  ...readOperations(ports.store),
  ...liveTailOperation(ports),
});
