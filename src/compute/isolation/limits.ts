import { isServerlessType, shapeOf } from "../instance-types.ts";

/** What one instance may use of the machine. */
export interface Limits {
  readonly memoryMiB: number;
  /** Processes and threads together, as the kernel counts them. */
  readonly processes: number;
}

/** What is known of a limit that was hit. */
export type Excess = "memory" | "processes";

/** The memory of an instance type that is not in the table. */
const UNKNOWN_TYPE_MIB = 2048;
/** Far more than a model server's threads, far less than what exhausts the machine's process table. */
const PROCESSES = 2048;

/** The limits of an instance: its type's memory, unless the server was given smaller ones. */
export function limitsOf(instanceType: string, override: Partial<Limits> = {}): Limits {
  const memoryMiB = shapeOf(instanceType)?.memoryMiB ?? UNKNOWN_TYPE_MIB;
  return {
    memoryMiB: Math.min(memoryMiB, override.memoryMiB ?? memoryMiB),
    processes: override.processes ?? PROCESSES,
  };
}

/** What happened to an instance that hit a limit, and what to do: for a FailureReason or a line of the log. */
export function excessSentence(excess: Excess, limits: Limits, instanceType: string): string {
  if (excess === "memory" && isServerlessType(instanceType))
    return (
      `The model's server used more memory than the ${limits.memoryMiB} MiB of its serverless endpoint, and was ended. ` +
      `Raise MemorySizeInMB, or look for a leak in the model's code.`
    );
  return excess === "memory"
    ? `The model's server used more memory than the ${limits.memoryMiB} MiB that an instance of ${instanceType} has here, and was ended. ` +
        `Take an instance type with more memory, or look for a leak in the model's code.`
    : `The model's server started more than ${limits.processes} processes and threads, and was ended. ` +
        `Look for processes that are started and never waited for.`;
}
