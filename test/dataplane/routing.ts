/** Routing tables for the tests, with the parts that a test does not care about filled in. */
import type { Invocation } from "../../src/dataplane/data-plane.ts";
import type {
  EndpointRoute,
  InstanceRoute,
  RoutingTable,
  VariantRoute,
} from "../../src/dataplane/routing-table.ts";

export function variant(instances: readonly InstanceRoute[], rest: Partial<VariantRoute> = {}): VariantRoute {
  return {
    name: "primary",
    fleet: "fleet-1",
    weight: 1,
    routing: "LEAST_OUTSTANDING_REQUESTS",
    instances,
    ...rest,
  };
}

export function endpoint(
  variants: readonly VariantRoute[],
  rest: Partial<EndpointRoute> = {},
): EndpointRoute {
  return {
    name: "Iris",
    arn: "arn:aws:sagemaker:us-east-1:000000000000:endpoint/iris",
    variants,
    timeoutMs: 60_000,
    maxOutstanding: 1000,
    ...rest,
  };
}

export function table(version: number, ...endpoints: EndpointRoute[]): RoutingTable {
  return { version, endpoints };
}

export function invocation(rest: Partial<Invocation> = {}): Invocation {
  return {
    endpoint: "Iris",
    path: "/invocations",
    headers: { "content-type": "text/csv" },
    body: Buffer.from("1,2,3"),
    signal: new AbortController().signal,
    ...rest,
  };
}
