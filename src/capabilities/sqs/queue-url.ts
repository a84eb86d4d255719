/** The URLs of queues: `http://localhost:8100/000000000000/orders`. */
import type { HttpRequest } from "../../wire/http.ts";
import { AwsQuery } from "../../wire/query.ts";
import type { Operation } from "../../wire/service.ts";
import { invalidParameter } from "./faults.ts";
import { noSuchQueue } from "./queue-definitions.ts";

/** The URL by which whoever sent the request reaches a queue. */
export function queueUrl({ headers }: HttpRequest, accountId: string, name: string): string {
  const scheme = headers["x-forwarded-proto"] === "https" ? "https" : "http";
  return `${scheme}://${headers.host}/${accountId}/${name}`;
}

/** The name of a queue in its URL, or alone; which server a URL names does not matter, as long as it got here. */
export function queueName(url: string, accountId: string): string {
  const [, account, name] =
    /^(?:(?:https?:\/\/[^/]+)?\/(\d{12})\/)?([\w-]{1,80}(?:\.fifo)?)$/.exec(url) ?? [];
  if (name === undefined)
    throw invalidParameter(`The QueueUrl ${url.slice(0, 200)} is not the URL of a queue.`);
  if (account !== undefined && account !== accountId) throw noSuchQueue();
  return name;
}

/** AWS Query as SQS speaks it: a request to the URL of a queue is about that queue. */
export class QueueQuery extends AwsQuery {
  override async read(operation: Operation, request: HttpRequest): Promise<Record<string, unknown>> {
    const input = await super.read(operation, request);
    if (request.path !== "/") input.QueueUrl ??= request.path;
    return input;
  }
}
