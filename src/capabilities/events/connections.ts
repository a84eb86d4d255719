/** CreateConnection, DescribeConnection, ListConnections, DeleteConnection: how API destinations are authorized. */
import type * as sdk from "@aws-sdk/client-eventbridge";
import { arn } from "../../base/arn.ts";
import type { Resource } from "../../state/resource.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalid, notFound, unsupported } from "./faults.ts";
import { CONNECTION, type ConnectionSpec } from "./kinds.ts";
import { type EventsParts, pageOf, written } from "./parts.ts";

type Operations = Pick<
  Handlers<typeof sdk, Context>,
  "CreateConnection" | "DescribeConnection" | "ListConnections" | "DeleteConnection"
>;
type Connection = Resource<ConnectionSpec>;

export function connectionOperations({ account, store, random }: EventsParts): Operations {
  async function connectionNamed(name: string) {
    const connection = await store.get(CONNECTION, name);
    if (!connection)
      throw notFound(`Failed to describe the connection(s). Connection '${name}' does not exist.`);
    return connection;
  }

  return {
    async CreateConnection({ Name, ...input }) {
      check(input);
      const { Description, AuthorizationType, AuthParameters } = input;
      const connection = await written(
        Name,
        store.create(CONNECTION, {
          name: Name,
          arn: arn(account, "events", `connection/${Name}/${random.uuid()}`),
          spec: { Description, AuthorizationType, AuthParameters },
          status: { state: "Exists" },
        }),
      );
      const { ConnectionArn, ConnectionState, CreationTime, LastModifiedTime } = summary(connection);
      return { ConnectionArn, ConnectionState, CreationTime, LastModifiedTime };
    },

    async DescribeConnection({ Name }) {
      const connection = await connectionNamed(Name);
      const { Description, AuthParameters } = connection.spec;
      return { ...summary(connection), Description, AuthParameters: withoutSecrets(AuthParameters) };
    },

    async ListConnections({ ConnectionState, ...query }) {
      const { items, ...next } = await pageOf(
        store,
        CONNECTION,
        query,
        () => ConnectionState === undefined || ConnectionState === "AUTHORIZED",
      );
      return { Connections: items.map(summary), ...next };
    },

    async DeleteConnection({ Name }) {
      const connection = await connectionNamed(Name);
      await written(Name, store.remove(CONNECTION, connection));
      const { ConnectionArn, CreationTime, LastModifiedTime } = summary(connection);
      return { ConnectionArn, ConnectionState: "DELETING", CreationTime, LastModifiedTime };
    },
  };
}

function check(input: Partial<sdk.CreateConnectionRequest>): void {
  const { AuthorizationType, AuthParameters } = input;
  if (AuthorizationType === "OAUTH_CLIENT_CREDENTIALS" || AuthParameters?.OAuthParameters)
    throw unsupported("The AuthorizationType OAUTH_CLIENT_CREDENTIALS");
  if (input.InvocationConnectivityParameters || AuthParameters?.ConnectivityParameters)
    throw unsupported("A connection to a private API");
  if (input.KmsKeyIdentifier !== undefined) throw unsupported("KmsKeyIdentifier");
  const member = AuthorizationType === "BASIC" ? "BasicAuthParameters" : "ApiKeyAuthParameters";
  const other = AuthorizationType === "BASIC" ? "ApiKeyAuthParameters" : "BasicAuthParameters";
  if (!AuthParameters?.[member] || AuthParameters[other])
    throw invalid(
      `The AuthorizationType ${AuthorizationType} takes AuthParameters.${member}, and no others.`,
    );
}

const summary = ({ name, arn: ConnectionArn, spec, createdAt, updatedAt }: Connection) => ({
  ConnectionArn,
  Name: name,
  ConnectionState: "AUTHORIZED" as const,
  AuthorizationType: spec.AuthorizationType,
  CreationTime: new Date(createdAt),
  LastModifiedTime: new Date(updatedAt),
  LastAuthorizedTime: new Date(createdAt),
});

interface Parameter {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
  readonly IsValueSecret?: boolean | undefined;
}

function withoutSecrets(
  given: sdk.CreateConnectionAuthRequestParameters | undefined,
): sdk.ConnectionAuthResponseParameters {
  const {
    BasicAuthParameters: basic,
    ApiKeyAuthParameters: key,
    InvocationHttpParameters: common,
  } = given ?? {};
  const told = (parameters: Parameter[] | undefined) =>
    parameters?.map(({ Value, ...one }) => ({ ...one, ...(!one.IsValueSecret && { Value }) }));
  return {
    ...(basic && { BasicAuthParameters: { Username: basic.Username } }),
    ...(key && { ApiKeyAuthParameters: { ApiKeyName: key.ApiKeyName } }),
    ...(common && {
      InvocationHttpParameters: {
        HeaderParameters: told(common.HeaderParameters),
        QueryStringParameters: told(common.QueryStringParameters),
        BodyParameters: told(common.BodyParameters),
      },
    }),
  };
}
