import type { Target } from "@aws-sdk/client-eventbridge";
import { invalid, unsupported } from "./faults.ts";
import type { EventsParts } from "./parts.ts";
import { badInput } from "./target-input.ts";
import { destinationOf } from "./api-destinations.ts";

const QUEUE = /^arn:aws[a-z-]*:sqs:[^:]+:\d{12}:[\w-]+$/;
const TOPIC = /^arn:aws[a-z-]*:sns:[^:]+:\d{12}:[\w-]+$/;
const KNOWN: ReadonlySet<string> = new Set<keyof Target>([
  "Id",
  "Arn",
  "RoleArn",
  "Input",
  "InputPath",
  "InputTransformer",
  "HttpParameters",
  "DeadLetterConfig",
  "RetryPolicy",
]);

/** What kind of target it is, by its ARN; undefined where events can not be delivered to it. */
export function targetKind(arn: string): "queue" | "topic" | "api-destination" | undefined {
  if (QUEUE.test(arn)) return "queue";
  if (TOPIC.test(arn)) return "topic";
  return /^arn:aws[a-z-]*:events:[^:]+:\d{12}:api-destination\//.test(arn) ? "api-destination" : undefined;
}

/** Throws unless events can be delivered to the target as it is. */
export async function checkTarget(parts: EventsParts, target: Target): Promise<void> {
  const { Id = "", Arn = "", DeadLetterConfig } = target;
  const wrong = (what: string, why: string) =>
    invalid(`Parameter ${what} of target ${Id} is not valid. Reason: ${why}`);
  for (const [member, value] of Object.entries(target))
    if (value !== undefined && !KNOWN.has(member)) throw unsupported(`${member} of target ${Id}`);
  if (!Arn.startsWith("arn:")) throw wrong("Arn", "Provided Arn is not in correct format.");
  const kind = targetKind(Arn);
  if (!kind)
    throw unsupported(
      `The target ${Arn}: targets are standard queues, standard topics and API destinations; it`,
    );
  if (kind === "api-destination") {
    const destination = await destinationOf(parts.store, Arn);
    if (!destination) throw wrong("Arn", `API destination ${Arn} does not exist.`);
    const wanted = destination.spec.InvocationEndpoint?.split("*").length ?? 1;
    const given = target.HttpParameters?.PathParameterValues?.length ?? 0;
    if (given !== wanted - 1)
      throw wrong(
        "HttpParameters.PathParameterValues",
        `the InvocationEndpoint takes ${wanted - 1} values, not ${given}.`,
      );
  } else if (target.HttpParameters) throw wrong("HttpParameters", "they are for API destinations only.");
  if (DeadLetterConfig?.Arn !== undefined && !QUEUE.test(DeadLetterConfig.Arn))
    throw wrong("DeadLetterConfig.Arn", "it must be the ARN of a standard SQS queue.");
  const problem = badInput(target);
  if (problem !== undefined) throw wrong(problem.member, problem.why);
}
