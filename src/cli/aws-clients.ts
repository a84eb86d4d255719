import type { Connection } from "./data-folder.ts";

/** The SDK's clients for a server, each loaded when a command first needs it: `--help` must not wait for them. */
export class AwsClients {
  readonly #settings;

  constructor({ url, region, accessKeyId, secretAccessKey }: Connection) {
    this.#settings = { endpoint: url, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
  }

  /** `hold`: when DescribeEndpoint answers for an endpoint in transition: at its next change, at once, or at rest. */
  async sagemaker(hold?: "change" | "none") {
    const sdk = await import("@aws-sdk/client-sagemaker");
    const client = new sdk.SageMakerClient(this.#settings);
    if (hold)
      client.middlewareStack.add(
        (next) => (call) => {
          (call.request as { headers: Record<string, string> }).headers["x-tideway-hold"] = hold;
          return next(call);
        },
        { step: "build", name: "tidewayHold" },
      );
    return { sdk, client };
  }

  async runtime() {
    const sdk = await import("@aws-sdk/client-sagemaker-runtime");
    return { sdk, client: new sdk.SageMakerRuntimeClient(this.#settings) };
  }

  async cloudwatch() {
    const sdk = await import("@aws-sdk/client-cloudwatch");
    return { sdk, client: new sdk.CloudWatchClient(this.#settings) };
  }

  async s3() {
    const sdk = await import("@aws-sdk/client-s3");
    return { sdk, client: new sdk.S3Client({ ...this.#settings, forcePathStyle: true }) };
  }
}
