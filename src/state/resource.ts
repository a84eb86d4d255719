/** What every stored thing has, whatever its kind. `spec` is what the user asked for, `status` is what is true. */
export interface Resource<Spec = unknown, Status = unknown> {
  /** As the user wrote it. */
  readonly name: string;
  readonly arn: string;
  /** Differs between two resources that had the same name one after the other. */
  readonly uid: string;
  /** Grows by one at each change of `spec`. */
  readonly generation: number;
  /** The optimistic lock: grows by one at each write. */
  readonly version: number;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Set once a delete was asked for; the controller removes the row when nothing of it is left. */
  readonly deletingAt?: number;
  /** The uid of the resource that this one belongs to. */
  readonly owner?: string;
  readonly spec: Spec;
  readonly status: Status;
}

/** A kind of resource: its name in the store, and which arrows between states its status may take. */
export interface Kind<Spec, Status extends { readonly state: string }> {
  readonly name: string;
  /** From each state, the states it may go to; a write that takes another arrow is a bug and throws. */
  readonly arrows: Readonly<Record<string, readonly string[]>>;
  /** Names that differ in case only are the same name (SageMaker's endpoints). */
  readonly ignoresCase?: boolean;
  /** Carries the types; never set. */
  readonly types?: { readonly spec: Spec; readonly status: Status };
}

export function defineKind<Spec, Status extends { readonly state: string }>(
  kind: Omit<Kind<Spec, Status>, "types">,
): Kind<Spec, Status> {
  return kind;
}

/** What tells one resource of a kind from another: its name, in lower case where the kind ignores case. */
export function keyOf(kind: Kind<any, any>, name: string): string {
  return kind.ignoresCase ? name.toLowerCase() : name;
}
