/** What a write makes of a resource, decided without a store, so that every store decides alike. */
import type { Kind, Resource } from "./resource.ts";
import type { Change, Draft, ResourceEvent } from "./store.ts";

/** What removal leaves in the history of a resource: an event that goes to this state. */
export const REMOVED = "Deleted";

export interface Transition<Spec, Status> {
  readonly resource: Resource<Spec, Status>;
  /** Present when the state changed. */
  readonly event?: ResourceEvent;
}

/** A resource as it begins. */
export function begin<Spec, Status extends { readonly state: string }>(
  kind: Kind<Spec, Status>,
  draft: Draft<Spec, Status>,
  uid: string,
  at: number,
): Required<Transition<Spec, Status>> {
  const resource: Resource<Spec, Status> = {
    name: draft.name,
    arn: draft.arn,
    uid,
    generation: 1,
    version: 1,
    createdAt: at,
    updatedAt: at,
    ...(draft.owner !== undefined && { owner: draft.owner }),
    spec: asStored(draft.spec),
    status: asStored(draft.status),
  };
  return { resource, event: { at, kind: kind.name, name: draft.name, uid, to: draft.status.state } };
}

/** The resource after a change; throws when its state takes an arrow that the kind doesn't have. */
export function change<Spec, Status extends { readonly state: string }>(
  kind: Kind<Spec, Status>,
  current: Resource<Spec, Status>,
  wanted: Change<Spec, Status>,
  at: number,
): Transition<Spec, Status> {
  const status = wanted.status === undefined ? current.status : asStored(wanted.status);
  const from = current.status.state;
  const to = status.state;
  if (from !== to && !kind.arrows[from]?.includes(to))
    throw new Error(`${kind.name} ${current.name} may not go from ${from} to ${to}`);
  const deletingAt = current.deletingAt ?? (wanted.deleting ? at : undefined);
  const resource: Resource<Spec, Status> = {
    ...current,
    generation: current.generation + (wanted.spec === undefined ? 0 : 1),
    version: current.version + 1,
    updatedAt: at,
    ...(deletingAt !== undefined && { deletingAt }),
    spec: wanted.spec === undefined ? current.spec : asStored(wanted.spec),
    status,
  };
  if (from === to) return { resource };
  const { name, uid } = current;
  const reason = wanted.reason === undefined ? {} : { reason: wanted.reason };
  return { resource, event: { at, kind: kind.name, name, uid, from, to, ...reason } };
}

/** The last event of a resource. */
export function removal<Spec, Status extends { readonly state: string }>(
  kind: Kind<Spec, Status>,
  { name, uid, status }: Resource<Spec, Status>,
  at: number,
): ResourceEvent {
  return { at, kind: kind.name, name, uid, from: status.state, to: REMOVED };
}

/** What a write answers is what a later read finds: the value as it comes back from JSON. */
function asStored<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
