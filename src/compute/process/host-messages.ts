/** What an engine and a process host in another process say to each other. JSON: it may travel over Node's own channel. */
import type { Mark } from "../../base/instance-channel.ts";
import type { Assignment, End, Exit, ProcessLaunch } from "./process-host.ts";

/** A way to another process that keeps messages whole and in order. */
export interface HostChannel {
  /** A message that can not be sent any more is lost. */
  send(message: object): void;
  onMessage(listener: (message: object) => void): void;
  /** Nothing will come any more. */
  onClose(listener: () => void): void;
}

/** A process, as the engine hears of it when it opens the host. */
export interface ProcessPicture {
  readonly id: string;
  readonly pid: number;
  readonly note: object;
  readonly exit?: Exit;
  readonly mark?: Mark;
}

/** To the host. From `open` on answers are for whoever opened last. */
export type ToHost =
  | { readonly kind: "open" }
  | { readonly kind: "start"; readonly request: number; readonly launch: ProcessLaunch }
  | { readonly kind: "stop"; readonly id: string; readonly graceMs: number }
  | { readonly kind: "annotate"; readonly id: string; readonly note: object }
  | { readonly kind: "assign"; readonly id: string; readonly assignment: Assignment }
  | { readonly kind: "forget"; readonly id: string };

/** From the host. */
export type FromHost =
  | { readonly kind: "opened"; readonly runDir: string; readonly processes: readonly ProcessPicture[] }
  | { readonly kind: "started"; readonly request: number; readonly pid: number }
  | { readonly kind: "refused"; readonly request: number; readonly message: string }
  | { readonly kind: "reached"; readonly id: string; readonly mark: Mark }
  | { readonly kind: "ended"; readonly id: string; readonly exit: Exit }
  | { readonly kind: "exited"; readonly id: string; readonly end: End };
