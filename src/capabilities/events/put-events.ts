/** PutEvents and TestEventPattern. */
import type * as sdk from "@aws-sdk/client-eventbridge";
import { matchesPattern } from "../../base/json-pattern.ts";
import type { Context } from "../../wire/context.ts";
import { refuseDeepJson } from "../../wire/json-depth.ts";
import type { Handlers } from "../../wire/service.ts";
import { type BusEvent, eventTime } from "./bus-event.ts";
import { readPattern } from "./event-pattern.ts";
import { invalid } from "./faults.ts";
import { checkBus, type EventsParts } from "./parts.ts";

type Operations = Pick<Handlers<typeof sdk, Context>, "PutEvents" | "TestEventPattern">;

const MOST_BYTES = 262_144;
const FIELDS = ["id", "account", "source", "time", "region", "resources", "detail-type"] as const;

/** What is wrong with one entry; the others go their way. */
class BadEntry extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export function putEventsOperations(parts: EventsParts): Operations {
  const { account, bus, clock, random } = parts;

  function eventOf(entry: sdk.PutEventsRequestEntry): BusEvent {
    const missing = (["Source", "DetailType", "Detail"] as const).find((name) => !entry[name]);
    if (missing)
      throw new BadEntry(
        "InvalidArgument",
        `Parameter ${missing} is not valid. Reason: ${missing} is a required argument.`,
      );
    const { Source = "", DetailType = "", Detail = "", Resources = [], Time } = entry;
    if (Source.startsWith("aws."))
      throw new BadEntry("NotAuthorizedForSource", "Not authorized for the source.");
    const detail = objectOf(Detail);
    if (!detail) throw new BadEntry("MalformedDetail", "Detail is malformed.");
    return {
      version: "0",
      id: random.uuid(),
      "detail-type": DetailType,
      source: Source,
      account: account.accountId,
      time: eventTime(Time?.getTime() ?? clock.now()),
      region: account.region,
      resources: Resources,
      detail,
    };
  }

  async function accept(entry: sdk.PutEventsRequestEntry): Promise<sdk.PutEventsResultEntry> {
    try {
      const event = eventOf(entry);
      if (!(await bus.accept([event])))
        throw new BadEntry("ThrottlingException", "Too many events wait for a target of this event.");
      return { EventId: event.id };
    } catch (error) {
      if (!(error instanceof BadEntry)) throw error;
      return { ErrorCode: error.code, ErrorMessage: error.message };
    }
  }

  return {
    async PutEvents({ Entries, EndpointId }) {
      if (EndpointId !== undefined) throw invalid("EndpointId: Tideway has no global endpoints.");
      for (const { EventBusName } of Entries) checkBus(EventBusName, account);
      const size = (entry: object) => Buffer.byteLength(JSON.stringify(entry));
      if (Entries.reduce((sum, entry) => sum + size(entry), 0) > MOST_BYTES)
        throw invalid("Total size of the entries in the request is over the limit.");
      // at once: they share a commit
      const results = await Promise.all(Entries.map(accept));
      return {
        FailedEntryCount: results.filter(({ ErrorCode }) => ErrorCode !== undefined).length,
        Entries: results,
      };
    },

    async TestEventPattern({ EventPattern, Event }) {
      const pattern = readPattern(EventPattern);
      const event = objectOf(Event);
      const missing = FIELDS.find((name) => !event || !Object.hasOwn(event, name));
      if (!event || missing)
        throw invalid(`Parameter Event is not valid. Reason: it must be JSON with the field ${missing}.`);
      return { Result: matchesPattern(pattern, event) };
    },
  };
}

/** A text that is a JSON object, no deeper than a request may be. */
function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    refuseDeepJson(Buffer.from(text));
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
