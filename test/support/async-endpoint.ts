import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import { ODD_MODEL, type TidewayServer } from "./tideway-server.ts";

/** What became of an asynchronous request: its result, or what its failure object says. */
export interface Fetched {
  readonly failed: boolean;
  readonly text: string;
  readonly contentType: string | undefined;
}

/** The bucket of inputs and results, and an endpoint of the odd model that takes asynchronous requests. */
export class AsyncEndpoint {
  tideway: TidewayServer;
  readonly name: string;

  constructor(tideway: TidewayServer, name = "later") {
    this.tideway = tideway;
    this.name = name;
  }

  static async deploy(
    tideway: TidewayServer,
    client: sagemaker.AsyncInferenceClientConfig = {},
    output: Partial<sagemaker.AsyncInferenceOutputConfig> = {},
    container: sagemaker.ContainerDefinition = { Image: "odd" },
  ): Promise<AsyncEndpoint> {
    const endpoint = new AsyncEndpoint(tideway);
    await tideway.s3.send(new s3.CreateBucketCommand({ Bucket: "jobs" }));
    if (container.Image === "odd") await tideway.image("odd", ODD_MODEL);
    await tideway.model("odd", container);
    await endpoint.config("first", client, output);
    const { name } = endpoint;
    await tideway.sagemaker.send(
      new sagemaker.CreateEndpointCommand({ EndpointName: name, EndpointConfigName: "first" }),
    );
    const { EndpointStatus, FailureReason } = await tideway.settled(name);
    if (EndpointStatus !== "InService") throw new Error(FailureReason);
    return endpoint;
  }

  /** An endpoint configuration of the odd model. */
  async config(
    EndpointConfigName: string,
    ClientConfig: sagemaker.AsyncInferenceClientConfig = {},
    output: Partial<sagemaker.AsyncInferenceOutputConfig> = {},
  ): Promise<void> {
    await this.tideway.sagemaker.send(
      new sagemaker.CreateEndpointConfigCommand({
        EndpointConfigName,
        ProductionVariants: [
          {
            VariantName: "AllTraffic",
            ModelName: "odd",
            InstanceType: "ml.m5.large",
            InitialInstanceCount: 1,
          },
        ],
        AsyncInferenceConfig: {
          ClientConfig,
          OutputConfig: {
            S3OutputPath: "s3://jobs/out",
            S3FailurePath: "s3://jobs/failures/",
            ...output,
          },
        },
      }),
    );
  }

  /** Asks for an inference of this text, from an object unless it is to be in the request itself. */
  async invoke(
    text: string | Buffer,
    more: Partial<runtime.InvokeEndpointAsyncCommandInput> = {},
    key = "in/input",
  ): Promise<runtime.InvokeEndpointAsyncCommandOutput> {
    const inline = more.Body !== undefined;
    if (!inline && more.InputLocation === undefined) await this.put(key, text);
    return this.tideway.runtime.send(
      new runtime.InvokeEndpointAsyncCommand({
        EndpointName: this.name,
        ContentType: "text/csv",
        ...(!inline && { InputLocation: `s3://jobs/${key}` }),
        ...more,
      }),
    );
  }

  async put(Key: string, Body: string | Buffer): Promise<void> {
    await this.tideway.s3.send(new s3.PutObjectCommand({ Bucket: "jobs", Key, Body: Buffer.from(Body) }));
  }

  /** Waits until there is a result, or a failure. */
  async fetched({
    OutputLocation,
    FailureLocation,
  }: runtime.InvokeEndpointAsyncCommandOutput): Promise<Fetched> {
    for (;;) {
      const found = (await this.read(OutputLocation, false)) ?? (await this.read(FailureLocation, true));
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async read(location: string | undefined, failed: boolean): Promise<Fetched | undefined> {
    if (location === undefined) return undefined;
    const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.*)$/.exec(location)!;
    try {
      const { Body, ContentType } = await this.tideway.s3.send(new s3.GetObjectCommand({ Bucket, Key }));
      return { failed, text: await Body!.transformToString(), contentType: ContentType };
    } catch (error) {
      if (/^NoSuch(Key|Bucket)$/.test((error as Error).name)) return undefined;
      throw error;
    }
  }
}
