/** The operations of EventBridge that are built: one row per group, each in its own file. */
import type * as sdk from "@aws-sdk/client-eventbridge";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { apiDestinationOperations } from "./api-destinations.ts";
import { connectionOperations } from "./connections.ts";
import type { EventsParts } from "./parts.ts";
import { putEventsOperations } from "./put-events.ts";
import { ruleOperations } from "./rules.ts";
import { tagOperations } from "./tags.ts";
import { targetOperations } from "./targets.ts";

export const eventsOperations = (parts: EventsParts): Handlers<typeof sdk, Context> => ({
  ...ruleOperations(parts),
  ...targetOperations(parts),
  ...putEventsOperations(parts),
  ...connectionOperations(parts),
  ...apiDestinationOperations(parts),
  ...tagOperations(parts.store),
});
