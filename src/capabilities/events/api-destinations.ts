/** CreateApiDestination, UpdateApiDestination, DescribeApiDestination, ListApiDestinations, DeleteApiDestination: webhooks. */
import type * as sdk from "@aws-sdk/client-eventbridge";
import { arn } from "../../base/arn.ts";
import { refusedUrl } from "../../base/webhook.ts";
import type { Kind, Resource } from "../../state/resource.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalid, notFound } from "./faults.ts";
import { API_DESTINATION, type ApiDestinationSpec, CONNECTION } from "./kinds.ts";
import { type EventsParts, pageOf, written } from "./parts.ts";

type Operations = Pick<
  Handlers<typeof sdk, Context>,
  | "CreateApiDestination"
  | "UpdateApiDestination"
  | "DescribeApiDestination"
  | "ListApiDestinations"
  | "DeleteApiDestination"
>;
type ApiDestination = Resource<ApiDestinationSpec>;

export function apiDestinationOperations({ account, store, random }: EventsParts): Operations {
  async function destinationNamed(name: string) {
    const destination = await store.get(API_DESTINATION, name);
    if (!destination)
      throw notFound(
        `Failed to describe the api-destination(s). An api-destination '${name}' does not exist.`,
      );
    return destination;
  }

  async function check({ ConnectionArn = "", InvocationEndpoint = "" }: ApiDestinationSpec): Promise<void> {
    const refusal = refusedUrl(InvocationEndpoint);
    if (refusal !== undefined) throw invalid(`Parameter InvocationEndpoint is not valid. Reason: ${refusal}`);
    if (new URL(InvocationEndpoint).host.includes("*"))
      throw invalid(
        "Parameter InvocationEndpoint is not valid. Reason: * may not stand in the name of the host",
      );
    if (!(await connectionOf(store, ConnectionArn)))
      throw notFound(`Connection '${ConnectionArn}' does not exist.`);
  }

  return {
    async CreateApiDestination({ Name, ...input }) {
      const spec = input as ApiDestinationSpec;
      await check(spec);
      const draft = {
        name: Name,
        arn: arn(account, "events", `api-destination/${Name}/${random.uuid()}`),
        spec,
        status: { state: "Exists" as const },
      };
      return created(await written(Name, store.create(API_DESTINATION, draft)));
    },

    async UpdateApiDestination({ Name, ...change }) {
      const destination = await destinationNamed(Name);
      const asked = Object.entries(change).filter(([, value]) => value !== undefined);
      const spec: ApiDestinationSpec = { ...destination.spec, ...Object.fromEntries(asked) };
      await check(spec);
      return created(await written(Name, store.update(API_DESTINATION, destination, { spec })));
    },

    async DescribeApiDestination({ Name }) {
      const destination = await destinationNamed(Name);
      return { ...summary(destination), Description: destination.spec.Description };
    },

    async ListApiDestinations({ ConnectionArn, ...query }) {
      const { items, ...next } = await pageOf(
        store,
        API_DESTINATION,
        query,
        ({ spec }) => ConnectionArn === undefined || spec.ConnectionArn === ConnectionArn,
      );
      return { ApiDestinations: items.map(summary), ...next };
    },

    async DeleteApiDestination({ Name }) {
      await written(Name, store.remove(API_DESTINATION, await destinationNamed(Name)));
      return {};
    },
  };
}

export const destinationOf = (store: ResourceStore, destinationArn: string) =>
  byArn(store, API_DESTINATION, destinationArn);
export const connectionOf = (store: ResourceStore, connectionArn: string) =>
  byArn(store, CONNECTION, connectionArn);

/** Their ARNs end in the name and an id: what was made anew under the same name is another one. */
async function byArn<Spec, Status extends { readonly state: string }>(
  store: ResourceStore,
  kind: Kind<Spec, Status>,
  wanted: string,
): Promise<Resource<Spec, Status> | undefined> {
  const found = await store.get(kind, wanted.split("/").at(-2) ?? "");
  return found?.arn === wanted ? found : undefined;
}

const created = (destination: ApiDestination) => {
  const { ApiDestinationArn, ApiDestinationState, CreationTime, LastModifiedTime } = summary(destination);
  return { ApiDestinationArn, ApiDestinationState, CreationTime, LastModifiedTime };
};

const summary = ({ name, arn: ApiDestinationArn, spec, createdAt, updatedAt }: ApiDestination) => ({
  ApiDestinationArn,
  Name: name,
  ApiDestinationState: "ACTIVE" as const,
  ConnectionArn: spec.ConnectionArn,
  InvocationEndpoint: spec.InvocationEndpoint,
  HttpMethod: spec.HttpMethod,
  InvocationRateLimitPerSecond: spec.InvocationRateLimitPerSecond,
  CreationTime: new Date(createdAt),
  LastModifiedTime: new Date(updatedAt),
});
