/** An endpoint that was scaled to nothing gets an instance because requests wait for it. */
import type { Clock } from "../../base/clock.ts";
import type { ResourceStore } from "../../state/store.ts";
import { EndpointKind } from "./kinds.ts";

/**
 * AWS leaves this to a scaling policy. Here one instance of the variant with the greatest weight is started, as
 * UpdateEndpointWeightsAndCapacities would. Throws while the endpoint is in no state to be changed.
 */
export async function wakeEndpoint(store: ResourceStore, clock: Clock, name: string): Promise<void> {
  const endpoint = await store.get(EndpointKind, name);
  if (!endpoint) return;
  const { spec, status } = endpoint;
  if (status.state !== "InService") throw new Error(`Endpoint ${name} is ${status.state}.`);
  if (spec.variants.some(({ instanceCount, weight }) => instanceCount > 0 && weight > 0)) return;
  const first = spec.variants.reduce((best, one) => (one.weight > best.weight ? one : best));
  if (first.weight === 0) return;
  const variants = spec.variants.map((variant) =>
    variant === first ? { ...variant, instanceCount: 1 } : variant,
  );
  const { failureReason: _, ...rest } = status;
  await store.update(EndpointKind, endpoint, {
    spec: { ...spec, variants },
    status: { ...rest, state: "Updating", since: clock.now(), progress: {} },
    reason: "Asynchronous requests wait for an instance.",
  });
}
