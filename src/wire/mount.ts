/** A service, the protocols that it speaks and the functions that answer: what a dispatcher is made of. */
import type { Context } from "./context.ts";
import type { Protocol } from "./protocol.ts";
import { type Handlers, Service, type ServiceSettings } from "./service.ts";
import type { Rules } from "./validate.ts";

/** A service that is reachable. */
export interface Mount {
  readonly signingName: string;
  readonly protocols: readonly Protocol[];
  /** The service itself, brought in when it is first asked for. */
  open(): Promise<OpenMount>;
}

/** A service with all that it takes to answer. */
export interface OpenMount {
  readonly service: Service;
  readonly handlers: Readonly<Record<string, AnyHandler | undefined>>;
  readonly rules: Rules;
}

/** A handler whose types are known to the schemas only. */
export type AnyHandler = (input: any, context: Context) => Promise<object>;

/** What a service is made of: the SDK package that describes it, and our part. */
export interface ServiceParts<Sdk extends object> {
  readonly sdk: Sdk;
  /** The package's client: only its protocol settings are read, nothing is ever sent with it. */
  readonly client: new (settings: any) => { readonly config: unknown };
  readonly rules?: Rules;
  readonly handlers: Handlers<Sdk, Context>;
}

const SETTINGS = { region: "us-east-1", credentials: { accessKeyId: "-", secretAccessKey: "-" } };

/**
 * Joins handlers to the service of an SDK package, at the first request for it: the packages are large.
 * `mount("sts", [new AwsQuery()], async () => ({ sdk, client: sdk.STSClient, handlers: { async GetCallerIdentity() { ... } } }))`.
 */
export function mount<Sdk extends object>(
  signingName: string,
  protocols: readonly Protocol[],
  load: () => Promise<ServiceParts<Sdk>>,
): Mount {
  const make = async (): Promise<OpenMount> => {
    const { sdk, client: Client, rules = {}, handlers } = await load();
    const { config } = new Client(SETTINGS);
    const service = new Service(sdk, signingName, config as ServiceSettings);
    return { service, rules, handlers: handlers as OpenMount["handlers"] };
  };
  let opened: Promise<OpenMount> | undefined;
  return {
    signingName,
    protocols,
    open() {
      opened ??= make().catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return opened;
    },
  };
}
