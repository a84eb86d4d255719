/** InvokeEndpointAsync: answered once the request is on the disk. */
import type * as runtime from "@aws-sdk/client-sagemaker-runtime";
import type { AsyncInferenceConfig } from "@aws-sdk/client-sagemaker";
import type { Account } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { StorageFull } from "../../base/sqlite/database.ts";
import { parseS3Uri } from "../../objects/object-store.ts";
import type { Resource } from "../../state/resource.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import { ServiceError } from "../../wire/service-error.ts";
import type { Handlers } from "../../wire/service.ts";
import { type Deployment, EndpointKind, type EndpointStatus } from "../hosting/kinds.ts";
import type { AsyncRequest, Notify } from "./request.ts";
import type { RequestTable } from "./request-table.ts";

export interface AsyncOperationsPorts {
  readonly account: Account;
  readonly store: ResourceStore;
  readonly table: RequestTable;
  readonly clock: Clock;
  readonly random: Random;
  /** Called when a request of this endpoint's uid was added. */
  readonly added: (endpointUid: string) => void;
}

const TTL_SECONDS = 21_600;
const TIMEOUT_SECONDS = 900;
/** More than this of one endpoint may not wait: a queue without a bound would fill the disk. */
const MOST_QUEUED = 100_000;
const COUNT_MS = 5_000;

export function asyncOperations(
  ports: AsyncOperationsPorts,
): Pick<Handlers<typeof runtime, Context>, "InvokeEndpointAsync"> {
  const { account, store, table, clock, random, added } = ports;
  const backlogs = new Backlogs(table, clock);
  const endpoints = new Endpoints(store);
  return {
    async InvokeEndpointAsync(input) {
      const { EndpointName: name, InputLocation, Body } = input;
      const inline = Body?.byteLength ? Body : undefined;
      if (inline && InputLocation) throw invalid("Specify either Body or InputLocation, not both.");
      if (!inline && !InputLocation) throw invalid("Specify either Body or InputLocation.");
      if (InputLocation && !parseS3Uri(InputLocation)?.key)
        throw invalid(`InputLocation must have the form s3://bucket/key, not ${InputLocation}.`);
      const endpoint = await endpoints.get(name);
      const live = endpoint?.status.state === "Deleting" ? undefined : endpoint?.status.live;
      if (!endpoint || !live) throw invalid(`Endpoint ${name} of account ${account.accountId} not found.`);
      const config = live.asyncInference;
      if (!config)
        throw invalid(
          `Endpoint ${endpoint.name} is a real-time endpoint and does not support asynchronous invocations: use InvokeEndpoint.`,
        );
      if (backlogs.full(endpoint.uid))
        throw unavailable(`Endpoint ${endpoint.name} has ${MOST_QUEUED} requests waiting. Try again later.`);

      const receivedAt = clock.now();
      const ttlSeconds = input.RequestTTLSeconds ?? TTL_SECONDS;
      const inferenceId = input.InferenceId ?? random.uuid();
      const places = resultPlaces(config, input, random.uuid());
      const request: AsyncRequest = {
        inferenceId,
        endpoint: endpoint.name,
        endpointUid: endpoint.uid,
        ...(InputLocation && { inputLocation: InputLocation }),
        ...places,
        ownName: input.Filename === undefined,
        headers: containerHeaders(input),
        receivedAt,
        expiresAt: receivedAt + ttlSeconds * 1000,
        ttlSeconds,
        timeoutSeconds: input.InvocationTimeoutSeconds ?? TIMEOUT_SECONDS,
        notify: notifyOf(config),
      };
      try {
        await table.add(request, inline);
      } catch (error) {
        if (error instanceof StorageFull) throw unavailable("The server's disk is full. Try again later.");
        throw error;
      }
      backlogs.added(endpoint.uid);
      added(endpoint.uid);
      return {
        InferenceId: inferenceId,
        OutputLocation: places.outputLocation,
        FailureLocation: places.failureLocation,
      };
    },
  };
}

type Endpoint = Resource<Deployment, EndpointStatus>;

/** Reads an endpoint once for all requests of a turn of the event loop: nobody can tell in which order they came. */
class Endpoints {
  readonly #store: ResourceStore;
  readonly #read = new Map<string, Promise<Endpoint | undefined>>();

  constructor(store: ResourceStore) {
    this.#store = store;
  }

  get(name: string): Promise<Endpoint | undefined> {
    let read = this.#read.get(name);
    if (!read) {
      if (this.#read.size === 0) setImmediate(() => this.#read.clear());
      this.#read.set(name, (read = this.#store.get(EndpointKind, name)));
    }
    return read;
  }
}

/** How many requests wait: counted now and then, for it takes longer the more there are. */
class Backlogs {
  readonly #table: RequestTable;
  readonly #clock: Clock;
  readonly #counts = new Map<string, { at: number; count: number }>();

  constructor(table: RequestTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  full(endpointUid: string): boolean {
    const now = this.#clock.monotonic();
    let known = this.#counts.get(endpointUid);
    if (!known || now - known.at > COUNT_MS) {
      known = { at: now, count: this.#table.backlog(endpointUid, MOST_QUEUED) };
      this.#counts.set(endpointUid, known);
    }
    return known.count >= MOST_QUEUED;
  }

  added(endpointUid: string): void {
    const known = this.#counts.get(endpointUid);
    if (known) known.count++;
  }
}

/** Where the result goes, and what is told of a failure. `uuid` names what the caller did not. */
function resultPlaces(
  { OutputConfig }: AsyncInferenceConfig,
  { S3OutputPathExtension: extension, Filename }: runtime.InvokeEndpointAsyncInput,
  uuid: string,
): { outputLocation: string; failureLocation?: string } {
  const { S3OutputPath, S3FailurePath } = OutputConfig!;
  const under = (path: string, name: string) =>
    [path.replace(/\/+$/, ""), ...(extension ? [extension.replace(/^\/+|\/+$/g, "")] : []), name].join("/");
  return {
    outputLocation: under(S3OutputPath!, Filename ?? `${uuid}.out`),
    ...(S3FailurePath && {
      failureLocation: under(S3FailurePath, `${Filename ?? uuid}-error.out`),
    }),
  };
}

/** As InvokeEndpoint passes them on. */
function containerHeaders({
  ContentType,
  Accept,
  CustomAttributes,
  InferenceId,
}: runtime.InvokeEndpointAsyncInput): Record<string, string> {
  const headers = {
    "content-type": ContentType,
    accept: Accept,
    "x-amzn-sagemaker-custom-attributes": CustomAttributes,
    "x-amzn-sagemaker-inference-id": InferenceId,
  };
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value)) as Record<string, string>;
}

function notifyOf({ OutputConfig }: AsyncInferenceConfig): Notify {
  const {
    SuccessTopic,
    ErrorTopic,
    IncludeInferenceResponseIn = [],
  } = OutputConfig?.NotificationConfig ?? {};
  return {
    ...(SuccessTopic && { successTopic: SuccessTopic }),
    ...(ErrorTopic && { errorTopic: ErrorTopic }),
    responseIn: IncludeInferenceResponseIn,
  };
}

const invalid = (message: string) => new ServiceError<typeof runtime>("ValidationError", message);
const unavailable = (message: string) => new ServiceError<typeof runtime>("ServiceUnavailable", message);
