/** What subscribers get, unless they want the message alone: SNS's JSON, signed. */
import type { StoredMessage } from "./message.ts";
import type { NotificationSigner } from "./signer.ts";

export interface Recipient {
  readonly protocol: string;
  readonly subscriptionArn: string;
  readonly serverUrl: string;
  readonly token: string;
  readonly signatureVersion: "1" | "2";
}

/** The path under which a server answers subscribers. */
export const SNS_PATH = "/_tideway/sns/";

/** The body of the message for that subscriber. */
export function bodyFor({ bodies }: StoredMessage, protocol: string): string {
  return bodies[protocol] ?? bodies.default ?? "";
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html */
export async function envelope(
  message: StoredMessage,
  recipient: Recipient,
  signer: NotificationSigner,
): Promise<string> {
  const { serverUrl, token, signatureVersion: SignatureVersion, subscriptionArn, protocol } = recipient;
  const { type: Type, messageId: MessageId, topicArn: TopicArn, subject } = message;
  const confirmation = Type === "SubscriptionConfirmation";
  const url = (path: string, query: Readonly<Record<string, string>>) =>
    `${serverUrl}${SNS_PATH}${path}?${new URLSearchParams(query).toString()}`;
  const Timestamp = new Date(message.publishedAt).toISOString();
  const Message = confirmation
    ? `You have chosen to subscribe to the topic ${TopicArn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`
    : bodyFor(message, protocol);
  const SubscribeURL = url("confirm", { TopicArn, Token: token });
  // the members that are signed, in their order: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
  const signed = confirmation
    ? { Message, MessageId, SubscribeURL, Timestamp, Token: token, TopicArn, Type }
    : { Message, MessageId, ...(subject !== undefined && { Subject: subject }), Timestamp, TopicArn, Type };
  const text = Object.entries(signed)
    .map(([name, value]) => `${name}\n${value}\n`)
    .join("");
  const [Signature, { id }] = await Promise.all([signer.sign(text, SignatureVersion), signer.certificate()]);
  const MessageAttributes = attributesOf(message);
  return JSON.stringify(
    {
      Type,
      MessageId,
      ...(confirmation && { Token: token }),
      TopicArn,
      ...(subject !== undefined && { Subject: subject }),
      Message,
      ...(confirmation && { SubscribeURL }),
      Timestamp,
      SignatureVersion,
      Signature,
      SigningCertURL: `${serverUrl}${SNS_PATH}SimpleNotificationService-${id}.pem`,
      ...(!confirmation && {
        UnsubscribeURL: url("unsubscribe", { SubscriptionArn: subscriptionArn, Token: token }),
      }),
      ...(MessageAttributes && { MessageAttributes }),
    },
    null,
    2,
  );
}

function attributesOf({ attributes }: StoredMessage) {
  const told = Object.entries(attributes).map(([name, { type, text, binary }]) => [
    name,
    { Type: type, Value: text ?? binary },
  ]);
  return told.length ? (Object.fromEntries(told) as Record<string, unknown>) : undefined;
}
