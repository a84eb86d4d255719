/** What subscribers fetch from this server without keys: the certificate, and the links of their messages. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "../../base/log.ts";
import { SNS_PATH } from "./envelope.ts";
import { SnsError } from "./faults.ts";
import type { SnsParts } from "./parts.ts";
import type { NotificationSigner } from "./signer.ts";
import { confirmSubscription, unsubscribeByToken } from "./subscriptions.ts";

interface Page {
  readonly status: number;
  readonly type: "text/xml" | "text/plain" | "application/x-pem-file";
  readonly body: string;
}

/** Answers one request below SNS_PATH; never rejects. */
export async function answerSubscriber(
  message: IncomingMessage,
  reply: ServerResponse,
  parts: SnsParts & { readonly signer: NotificationSigner; readonly log: Log },
): Promise<void> {
  message.resume();
  let page: Page;
  try {
    page =
      message.method === "GET"
        ? await pageOf(message.url ?? "", parts)
        : text(405, "Only GET is allowed here.");
  } catch (error) {
    if (!(error instanceof SnsError)) parts.log.error("A subscriber could not be answered.", { error });
    page = error instanceof SnsError ? text(400, error.message) : text(500, "Something went wrong.");
  }
  reply.writeHead(page.status, {
    "content-type": page.type,
    "content-length": Buffer.byteLength(page.body),
    "x-content-type-options": "nosniff",
  });
  reply.end(page.body);
}

async function pageOf(url: string, parts: Parameters<typeof answerSubscriber>[2]): Promise<Page> {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  const value = (name: string) => searchParams.get(name) ?? "";
  const name = pathname.slice(SNS_PATH.length);
  if (name === "confirm") {
    const { arn } = await confirmSubscription(parts, value("TopicArn"), value("Token"));
    return {
      status: 200,
      type: "text/xml",
      body: `<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ConfirmSubscriptionResult><SubscriptionArn>${arn}</SubscriptionArn></ConfirmSubscriptionResult></ConfirmSubscriptionResponse>\n`,
    };
  }
  if (name === "unsubscribe")
    return (await unsubscribeByToken(parts, value("SubscriptionArn"), value("Token")))
      ? text(200, "The subscription has ended.")
      : text(404, "There is no such subscription.");
  const { pem, id } = await parts.signer.certificate();
  if (name === `SimpleNotificationService-${id}.pem`)
    return { status: 200, type: "application/x-pem-file", body: pem };
  return text(404, "There is nothing here.");
}

const text = (status: number, body: string): Page => ({ status, type: "text/plain", body: `${body}\n` });
