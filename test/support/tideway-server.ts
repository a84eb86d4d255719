import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import { silentLog } from "../../src/base/log.ts";
import { TidewayApi } from "../../src/cli/tideway-api.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../src/main.ts";

export const EXAMPLES = fileURLToPath(new URL("../../examples/models", import.meta.url));
/** A program that keeps the container contract, and breaks it as its environment says. */
export const CONTRACT_SERVER = fileURLToPath(new URL("../contracts/contract-server.mjs", import.meta.url));
/** One that answers invocations in odd ways: echo, status, hang, drip. */
export const ODD_MODEL = fileURLToPath(new URL("odd-model.mjs", import.meta.url));

/** A whole server with a folder of its own, and the AWS SDK's clients for it. */
export class TidewayServer implements AsyncDisposable {
  readonly dataDir: string;
  readonly server: RunningServer;
  readonly s3: s3.S3Client;
  readonly sagemaker: sagemaker.SageMakerClient;
  readonly runtime: runtime.SageMakerRuntimeClient;

  private constructor(dataDir: string, server: RunningServer) {
    this.dataDir = dataDir;
    this.server = server;
    const { url: endpoint, region, accessKeyId, secretAccessKey } = server;
    const settings = { endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
    this.s3 = new s3.S3Client(settings);
    this.sagemaker = new sagemaker.SageMakerClient(settings);
    this.runtime = new runtime.SageMakerRuntimeClient(settings);
  }

  static async start(options: Partial<ServerOptions> = {}): Promise<TidewayServer> {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "tideway-test-")));
    const { PATH, HOME } = process.env;
    return new TidewayServer(
      dataDir,
      await startServer({
        host: "127.0.0.1",
        port: 0,
        region: "us-east-1",
        accountId: "000000000000",
        allowRemote: false,
        allowedHosts: [],
        describeHoldMs: 5_000,
        log: silentLog,
        env: { PATH, HOME },
        // in a sandbox a model does not know its process id, for which tests ask
        sandbox: "none",
        ...options,
        dataDir,
      }),
    );
  }

  /** One that runs already, in a process of its own perhaps; whoever disposes of this ends it. */
  static of(server: RunningServer): TidewayServer {
    return new TidewayServer(server.dataDir, server);
  }

  /** Puts bytes at s3://models/`key`. */
  async upload(key: string, body: Buffer): Promise<string> {
    await this.s3.send(new s3.CreateBucketCommand({ Bucket: "models" })).catch((error: Error) => {
      if (error.name !== "BucketAlreadyOwnedByYou") throw error;
    });
    await this.s3.send(new s3.PutObjectCommand({ Bucket: "models", Key: key, Body: body }));
    return `s3://models/${key}`;
  }

  async model(ModelName: string, container: sagemaker.ContainerDefinition): Promise<void> {
    await this.sagemaker.send(new sagemaker.CreateModelCommand({ ModelName, PrimaryContainer: container }));
  }

  async config(
    EndpointConfigName: string,
    ...variants: Partial<sagemaker.ProductionVariant>[]
  ): Promise<void> {
    const ProductionVariants = variants.map((variant) => ({
      VariantName: "AllTraffic",
      ModelName: EndpointConfigName,
      InstanceType: "ml.m5.large" as const,
      InitialInstanceCount: 1,
      ...variant,
    }));
    await this.sagemaker.send(
      new sagemaker.CreateEndpointConfigCommand({ EndpointConfigName, ProductionVariants }),
    );
  }

  /** A model, a configuration and an endpoint of one name; resolves with what became of it. */
  async deploy(
    name: string,
    container: sagemaker.ContainerDefinition,
    variant: Partial<sagemaker.ProductionVariant> = {},
  ): Promise<sagemaker.DescribeEndpointOutput> {
    await this.model(name, container);
    await this.config(name, variant);
    await this.sagemaker.send(
      new sagemaker.CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }),
    );
    return this.settled(name);
  }

  describe(EndpointName: string): Promise<sagemaker.DescribeEndpointOutput> {
    return this.sagemaker.send(new sagemaker.DescribeEndpointCommand({ EndpointName }));
  }

  /** The endpoint once it is in no transition; DescribeEndpoint's own wait keeps this from spinning. */
  async settled(name: string): Promise<sagemaker.DescribeEndpointOutput> {
    for (;;) {
      const endpoint = await this.describe(name);
      if (!/ing$|Back$/.test(endpoint.EndpointStatus!)) return endpoint;
    }
  }

  async invoke(
    EndpointName: string,
    body: string | Buffer,
    more: Partial<Omit<runtime.InvokeEndpointCommandInput, "Body">> = {},
  ) {
    const answer = await this.runtime.send(
      new runtime.InvokeEndpointCommand({ EndpointName, ContentType: "text/csv", Body: body, ...more }),
    );
    return { ...answer, text: Buffer.from(answer.Body).toString() };
  }

  /** Gives an image name to a program that this Node runs. */
  async image(name: string, ...command: string[]): Promise<void> {
    await new TidewayApi(this.server).addImage(name, [process.execPath, ...command]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [this.s3, this.sagemaker, this.runtime]) client.destroy();
    await this.server[Symbol.asyncDispose]();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** A model.tar.gz of these files. */
export async function modelArchive(files: Readonly<Record<string, Buffer | string>>): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "tideway-archive-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      if (name.includes("/"))
        execFileSync("mkdir", ["-p", join(folder, name.slice(0, name.lastIndexOf("/")))]);
      await writeFile(join(folder, name), content);
    }
    return gzipSync(execFileSync("tar", ["-c", "-C", folder, ...Object.keys(files)], { maxBuffer: 1 << 28 }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
