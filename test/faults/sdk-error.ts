import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";

/** The errors that InvokeEndpoint is documented to have, with their statuses. */
const DOCUMENTED: Readonly<Record<string, number>> = {
  ValidationError: 400,
  ThrottlingException: 400,
  ModelError: 424,
  ModelNotReadyException: 429,
  InternalFailure: 500,
  ServiceUnavailable: 503,
  InternalDependencyException: 530,
};

/** An answer that is none, as it came. */
export interface RefusedInvocation {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the AWS SDK makes of such an answer: `ModelError: ...`. Throws when that is not a documented error with words. */
export async function sdkError({ status, headers, body }: RefusedInvocation): Promise<string> {
  const client = new SageMakerRuntimeClient({
    region: "us-east-1",
    endpoint: "http://127.0.0.1",
    credentials: { accessKeyId: "A", secretAccessKey: "s" },
    maxAttempts: 1,
    requestHandler: {
      handle: async () => ({ response: { statusCode: status, headers, body: Buffer.from(body) } }) as never,
    },
  });
  const error = await client.send(new InvokeEndpointCommand({ EndpointName: "e", Body: "" })).then(
    () => new Error("no error"),
    (thrown: Error) => thrown,
  );
  client.destroy();
  if (DOCUMENTED[error.name] !== status || !error.message || error.message === "UnknownError")
    throw new Error(`No documented error of InvokeEndpoint: HTTP ${status}, ${error.name}, ${body}`);
  return `${error.name}: ${error.message}`;
}
