/** How a job's records go to its container: what the request says, else the container, else AWS's default. Pure. */
import type { BatchStrategy, CreateTransformJobRequest } from "@aws-sdk/client-sagemaker";

export interface Settings {
  /** Requests at once for each instance. */
  readonly concurrent: number;
  /** 0: without a limit, the object's bytes are passed on as they come. */
  readonly maxPayloadMB: number;
  /** What the container likes best, where the request leaves it the choice. */
  readonly aimMB?: number;
  readonly strategy: BatchStrategy;
}

/** What the container says at GET /execution-parameters, as far as it makes sense. */
export interface ContainerParameters {
  readonly MaxConcurrentTransforms?: number;
  readonly MaxPayloadInMB?: number;
  /** Not AWS's: up to here a payload is filled, though a longer record is taken. */
  readonly PreferredPayloadInMB?: number;
  readonly BatchStrategy?: BatchStrategy;
}

const DEFAULT_PAYLOAD_MB = 6;
/** AWS's limit of MaxPayloadInMB, and of its product with MaxConcurrentTransforms. */
export const MOST_MB = 100;

type Asked = Pick<CreateTransformJobRequest, "MaxConcurrentTransforms" | "MaxPayloadInMB" | "BatchStrategy">;

/** Whether the container is to be asked: MaxConcurrentTransforms is 0 or unset. */
export const asksContainer = ({ MaxConcurrentTransforms }: Asked) => !MaxConcurrentTransforms;

export function settingsOf(asked: Asked, container: ContainerParameters = {}): Settings {
  const maxPayloadMB = asked.MaxPayloadInMB ?? container.MaxPayloadInMB ?? DEFAULT_PAYLOAD_MB;
  const wanted = asked.MaxConcurrentTransforms || container.MaxConcurrentTransforms || 1;
  // what a container asks for beyond AWS's limit is not worth failing for
  const most = Math.max(1, Math.floor(MOST_MB / Math.max(1, maxPayloadMB)));
  return {
    concurrent: Math.min(wanted, most),
    maxPayloadMB,
    ...(asked.MaxPayloadInMB === undefined &&
      container.PreferredPayloadInMB && { aimMB: container.PreferredPayloadInMB }),
    strategy: asked.BatchStrategy ?? container.BatchStrategy ?? "MultiRecord",
  };
}

const STRATEGIES: Readonly<Record<string, BatchStrategy>> = {
  MULTI_RECORD: "MultiRecord",
  MULTIRECORD: "MultiRecord",
  SINGLE_RECORD: "SingleRecord",
  SINGLERECORD: "SingleRecord",
};

/** From the body of the container's answer; whatever is not of the form is overlooked, as if it had said nothing. */
export function containerParameters(body: string): ContainerParameters {
  let said: unknown;
  try {
    said = JSON.parse(body);
  } catch {
    return {};
  }
  if (typeof said !== "object" || said === null) return {};
  const { MaxConcurrentTransforms, MaxPayloadInMB, PreferredPayloadInMB, BatchStrategy } = said as Record<
    string,
    unknown
  >;
  const strategy = typeof BatchStrategy === "string" ? STRATEGIES[BatchStrategy.toUpperCase()] : undefined;
  return {
    ...(whole(MaxConcurrentTransforms, 1) && { MaxConcurrentTransforms }),
    ...(whole(MaxPayloadInMB, 0) && MaxPayloadInMB <= MOST_MB && { MaxPayloadInMB }),
    ...(whole(PreferredPayloadInMB, 1) && { PreferredPayloadInMB }),
    ...(strategy && { BatchStrategy: strategy }),
  };
}

const whole = (value: unknown, least: number): value is number =>
  Number.isInteger(value) && (value as number) >= least;
