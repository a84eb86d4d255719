/** A service, the protocols that it speaks and the functions that answer: what a dispatcher is made of. */
import type { Context } from "./context.ts";
import type { Protocol } from "./protocol.ts";
import { type Handlers, Service, type ServiceSettings } from "./service.ts";
import type { Rules } from "./validate.ts";

/** A service that is reachable. */
export interface Mount {
  readonly service: Service;
  readonly protocols: readonly Protocol[];
  readonly handlers: Readonly<Record<string, AnyHandler | undefined>>;
  readonly rules: Rules;
}

/** A handler whose types are known to the schemas only. */
export type AnyHandler = (input: any, context: Context) => Promise<object>;

/**
 * Joins handlers to the service of an SDK package:
 * `mount(sts, "sts", new STSClient({}), [new AwsQuery()])({ async GetCallerIdentity() { ... } })`.
 */
export function mount<Sdk extends object>(
  sdk: Sdk,
  signingName: string,
  client: { readonly config: unknown },
  protocols: readonly Protocol[],
  rules: Rules = {},
): (handlers: Handlers<Sdk, Context>) => Mount {
  const service = new Service(sdk, signingName, client.config as ServiceSettings);
  return (handlers) => ({ service, protocols, rules, handlers: handlers as Mount["handlers"] });
}
