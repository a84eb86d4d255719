import type { Address, FleetSpec, InstanceStatus } from "../engine.ts";
import type { Program } from "../images.ts";
import type { HostedProcess } from "./process-host.ts";

/** What the host keeps with an instance's process: all that a later engine needs to take it over. */
export interface InstanceNote extends Pick<InstanceStatus, "phase" | "timeline" | "restarts"> {
  readonly fleet: FleetNote;
  readonly slot: number;
  readonly address: Address;
}

/** What is known of a fleet, as each of its instances keeps it. */
export interface FleetNote {
  readonly spec: FleetSpec;
  readonly program: Program | undefined;
  readonly digest: string | undefined;
  readonly codeDigest: string | undefined;
  /** Whether any instance of the fleet was ready yet. */
  readonly provenGood: boolean;
}

/** A process that an earlier engine started. */
export interface Adopted {
  readonly process: HostedProcess;
  readonly note: InstanceNote;
}

/** The processes of a host, by the fleet that they belong to. */
export function adoptable(processes: readonly HostedProcess[]): Map<string, Adopted[]> {
  const adopted = processes
    .filter(({ note }) => "fleet" in note)
    .map((process) => ({ process, note: process.note as InstanceNote }));
  return Map.groupBy(adopted, ({ note }) => note.fleet.spec.id);
}
