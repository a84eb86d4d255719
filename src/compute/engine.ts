/**
 * What starts and keeps instances: the same questions for local processes, Docker and Kubernetes.
 * A fleet is the set of equal instances of one variant in one generation of an endpoint. An engine is declarative:
 * it is told the fleets that should be, brings the world to them, and tells what is.
 */
import type { IsolationLevel } from "./isolation/isolation.ts";

/**
 * Where an instance's server keeps the container contract over HTTP. The built-in one also takes invocations as frames
 * (base/frames.ts) on a socket of its own.
 */
export type Address =
  | { readonly kind: "unix"; readonly path: string; readonly framesPath?: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** What an instance type of AWS stands for here. */
export interface ResourceShape {
  readonly vcpu: number;
  readonly memoryMiB: number;
  readonly gpus?: number;
}

/** What `/opt/ml/model` holds. */
export interface ArtifactSource {
  /** `s3://bucket/key`, or `s3://bucket/prefix/` for a prefix. */
  readonly uri: string;
  readonly dataType: "S3Object" | "S3Prefix";
  readonly compression: "Gzip" | "None";
  /** What the artifact was when first fetched (sha256, hex): anything else under the same address is refused. */
  readonly digest?: string;
}

export interface ContainerSpec {
  /** As in CreateModel: an image URI, or a name given with `tideway image add`. */
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly artifact?: ArtifactSource;
  /** The script of script mode and what belongs to it, where it does not lie in the artifact's folder `code`. */
  readonly code?: ArtifactSource;
  readonly hostname?: string;
}

export interface FleetSpec {
  /** Unique, stable over restarts: `[a-z0-9-]+`. */
  readonly id: string;
  readonly endpoint: string;
  readonly variant: string;
  readonly container: ContainerSpec;
  readonly instanceType: string;
  readonly desired: number;
  readonly downloadTimeoutMs: number;
  readonly startupTimeoutMs: number;
}

export type InstancePhase = "pending" | "downloading" | "starting" | "ready" | "stopping" | "exited";

export interface InstanceStatus {
  readonly id: string;
  readonly phase: InstancePhase;
  /** Present from `ready` on. */
  readonly address?: Address;
  readonly pid?: number;
  /** When each phase was reached, ms since the epoch: the cold start's picture. */
  readonly timeline: Readonly<Partial<Record<InstancePhase, number>>>;
  readonly restarts: number;
}

/** Why a fleet can not come up, in a sentence that says what happened, and what to do. */
export interface FleetFailure {
  readonly reason:
    | "image"
    | "artifact"
    | "download-timeout"
    | "startup-timeout"
    | "crash"
    | "limit"
    | "capacity";
  readonly message: string;
  /** The last lines of the failing instance's log, oldest first. */
  readonly logTail: readonly string[];
}

export interface FleetStatus {
  readonly id: string;
  readonly desired: number;
  readonly instances: readonly InstanceStatus[];
  /** Artifact bytes fetched and unpacked so far; total undefined until known. */
  readonly download?: { readonly bytes: number; readonly totalBytes?: number };
  /** sha256 of what the container's artifact turned out to be. */
  readonly digest?: string;
  /** The same of the container's code. */
  readonly codeDigest?: string;
  /** The image after aliases: what really runs. */
  readonly resolvedImage?: string;
  /** Set when an instance that never was ready gave up. A fleet that once was ready is restarted instead, with backoff. */
  readonly failure?: FleetFailure;
}

/** Where an instance's stdout and stderr are: a file that becomes `<path>.1` when it is full, and begins anew. */
export interface InstanceOutput {
  readonly fleet: string;
  readonly spec: FleetSpec;
  readonly instance: string;
  readonly path: string;
  /** Its program has ended, and all that it printed is there. */
  readonly ended: boolean;
}

/** Disposing of it leaves instances running where they can be taken over by the next. */
export interface Engine extends AsyncDisposable {
  /** How instances are kept apart, where the engine sees to it. */
  readonly isolation?: IsolationLevel | undefined;
  /** Makes the fleet be as the spec says. Idempotent: the same spec again only answers with the status. */
  apply(spec: FleetSpec): Promise<FleetStatus>;
  /** What of the fleet is known; undefined for one that was never applied or is deleted. */
  status(id: string): FleetStatus | undefined;
  /** What the fleet was last told to be. */
  spec(id: string): FleetSpec | undefined;
  /** SIGTERM, grace, SIGKILL; resolves when every process is gone. Idempotent. */
  delete(id: string): Promise<void>;
  /** Every fleet there is: what a controller compares with what should be. */
  fleets(): readonly FleetStatus[];
  /** Called after any change of a fleet's status. */
  watch(watcher: (fleet: string) => void): () => void;
  /**
   * A request to the instance failed, so it is asked at once whether it lives. One that hangs is replaced.
   * Unknown instances are nobody's concern.
   */
  suspect(instance: string): void;
  /** The output of every instance, or of one fleet's, where the engine has it in files. */
  outputs?(fleet?: string): Iterable<InstanceOutput>;
  /**
   * The lines of the instances of every fleet whose id begins so, from the first that is kept on. With `follow` also
   * what comes, of later fleets too, until `signal` aborts or no such fleet is left.
   */
  logs(
    prefix: string,
    options: { follow: boolean; signal: AbortSignal },
  ): AsyncIterable<{ instance: string; line: string }>;
}
