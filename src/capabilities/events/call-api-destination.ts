/** The request that an API destination makes of an event: its URL, its connection's authorization, the target's own parameters. */
import type { ConnectionHttpParameters, Target } from "@aws-sdk/client-eventbridge";
import type { Clock } from "../../base/clock.ts";
import { type Attempt, post } from "../../base/webhook.ts";
import type { ResourceStore } from "../../state/store.ts";
import { connectionOf, destinationOf } from "./api-destinations.ts";
import type { ConnectionSpec } from "./kinds.ts";
import type { Pace } from "./pace.ts";

/** What AWS tries again besides 429 and 5xx. */
const RETRIED: ReadonlySet<number | undefined> = new Set([401, 407, 409]);

/** Requests per second, as in AWS. */
const DEFAULT_RATE = 300;

export async function callApiDestination(
  { store, clock, pace }: { readonly store: ResourceStore; readonly clock: Clock; readonly pace: Pace },
  target: Target,
  input: string,
  signal: AbortSignal,
): Promise<Attempt> {
  const destination = await destinationOf(store, target.Arn ?? "");
  if (!destination) return { kind: "refused", reason: `API destination ${target.Arn} does not exist.` };
  const { ConnectionArn = "", InvocationEndpoint = "", HttpMethod = "POST" } = destination.spec;
  const connection = await connectionOf(store, ConnectionArn);
  if (!connection) return { kind: "refused", reason: `Connection ${ConnectionArn} does not exist.` };
  await pace.turn(destination.arn, destination.spec.InvocationRateLimitPerSecond ?? DEFAULT_RATE, signal);
  const { url, headers, body } = requestOf(connection.spec, InvocationEndpoint, target, input);
  const attempt = await post(url, headers, body, clock, signal, { method: HttpMethod });
  if (attempt.kind === "refused" && RETRIED.has(attempt.status)) return { ...attempt, kind: "failed" };
  return attempt;
}

/** Headers that say how the request itself is sent: AWS leaves them out, too. */
const OURS =
  /^(connection|content-length|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*)$/i;

/** What the connection says is stronger than what the target says, as in AWS. */
export function requestOf(
  { AuthorizationType, AuthParameters = {} }: ConnectionSpec,
  endpoint: string,
  { HttpParameters = {} }: Target,
  input: string,
): { readonly url: string; readonly headers: Record<string, string>; readonly body: string } {
  const {
    InvocationHttpParameters: common,
    BasicAuthParameters: basic,
    ApiKeyAuthParameters,
  } = AuthParameters;
  const values = [...(HttpParameters.PathParameterValues ?? [])];
  const url = new URL(
    endpoint.replaceAll("*", () => encodeURIComponent((values.shift() ?? "").toWellFormed())),
  );
  const query = { ...HttpParameters.QueryStringParameters, ...valuesOf(common?.QueryStringParameters) };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const headers: Record<string, string> = {
    "content-type": "application/json; charset=utf-8",
    "user-agent": "Amazon/EventBridge/ApiDestinations",
  };
  const put = (name: string, value: string) => {
    if (!OURS.test(name)) headers[name.toLowerCase()] = value;
  };
  const given = { ...HttpParameters.HeaderParameters, ...valuesOf(common?.HeaderParameters) };
  for (const [name, value] of Object.entries(given)) put(name, value);
  if (AuthorizationType === "BASIC")
    put("authorization", `Basic ${Buffer.from(`${basic?.Username}:${basic?.Password}`).toString("base64")}`);
  else put(ApiKeyAuthParameters?.ApiKeyName ?? "", ApiKeyAuthParameters?.ApiKeyValue ?? "");
  return { url: url.href, headers, body: withParameters(input, valuesOf(common?.BodyParameters)) };
}

type Parameter = NonNullable<ConnectionHttpParameters["BodyParameters"]>[number];

const valuesOf = (parameters: readonly Parameter[] | undefined): Record<string, string> =>
  Object.fromEntries((parameters ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));

/** Only an object has room for them. */
function withParameters(input: string, parameters: Record<string, string>): string {
  if (!Object.keys(parameters).length || !input.trimStart().startsWith("{")) return input;
  try {
    return JSON.stringify({ ...(JSON.parse(input) as object), ...parameters });
  } catch {
    return input;
  }
}
