import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProductionVariantServerlessConfig } from "@aws-sdk/client-sagemaker";
import { AwsClients } from "../src/cli/aws-clients.ts";
import type { Connection } from "../src/cli/data-folder.ts";
import { modelFiles, pack } from "../src/cli/model-package.ts";
import { ServerProcess } from "../src/cli/server-process.ts";
import { TidewayApi } from "../src/cli/tideway-api.ts";
import type { Target } from "./compare.ts";
import { sequence } from "./models/sequence.ts";
import { familyOf } from "./processes.ts";

const MODELS = new URL("../examples/models/", import.meta.url);

/** A small ONNX model of 30 features. */
export const SMALL_MODEL = fileURLToPath(new URL("breast-cancer/model.onnx", MODELS));

/** How long a worker of a serverless endpoint is kept for nobody. */
export const IDLE_SECONDS = 1;

/** No model here takes a tenth of it. */
const DEPLOY_MS = 60_000;

/** The name of the endpoint that is asked, with the small model behind it. */
export const ENDPOINT = "bench";

/** What an endpoint is made of, where it is not the small model on one instance. */
export interface Deployment {
  readonly image?: string;
  /** As `upload` gave it. */
  readonly modelUrl?: string | undefined;
  readonly instances?: number;
  /** In place of instances. */
  readonly serverless?: ProductionVariantServerlessConfig;
}

/** The server that is measured, as a process of its own, with an endpoint. */
export class Subject implements AsyncDisposable {
  readonly server: ServerProcess;
  readonly connection: Connection;
  readonly aws: AwsClients;
  /** Where the small model lies, for CreateModel. */
  modelUrl = "";
  /** From the server's start to its endpoint's service, the upload of the model in between. */
  readyMs = Number.NaN;
  readonly #folder: string;

  private constructor(folder: string, server: ServerProcess) {
    this.#folder = folder;
    this.server = server;
    this.connection = server.connection;
    this.aws = new AwsClients(server.connection);
  }

  /** `env`: what it finds in its environment besides this process's own. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<Subject> {
    const folder = await mkdtemp(join(tmpdir(), "tideway-bench-"));
    const start = performance.now();
    await using parts = new AsyncDisposableStack();
    const subject = parts.use(
      new Subject(
        folder,
        await ServerProcess.start(join(folder, "data"), {
          ...process.env,
          TIDEWAY_SERVERLESS_IDLE_SECONDS: String(IDLE_SECONDS),
          ...env,
        }),
      ),
    );
    const { sdk, client } = await subject.aws.s3();
    await client.send(new sdk.CreateBucketCommand({ Bucket: "bench" }));
    const model = await subject.upload("model", "model.onnx", await readFile(SMALL_MODEL));
    subject.modelUrl = model.url;
    await subject.deploy(ENDPOINT);
    subject.readyMs = performance.now() - start;
    parts.move();
    return subject;
  }

  /** The processes whose time and memory count as the server's: all its roles and instances. */
  readonly pids = (): number[] => familyOf(this.server.pid!);

  /** Packs a model's one file and puts it where CreateModel finds it. */
  async upload(
    name: string,
    file: string,
    content: Uint8Array | string,
  ): Promise<{ readonly url: string; readonly file: string }> {
    await mkdir(join(this.#folder, name));
    const source = join(this.#folder, name, file);
    await writeFile(source, content);
    return { url: await this.uploadModel(name, source), file: source };
  }

  /** Packs a model's file or folder; where CreateModel finds it. */
  async uploadModel(name: string, source: string): Promise<string> {
    const archive = await pack(await modelFiles(source), join(this.#folder, `${name}.tar.gz`));
    const { sdk, client } = await this.aws.s3();
    const Body = await readFile(archive.file);
    await client.send(new sdk.PutObjectCommand({ Bucket: "bench", Key: `${name}.tar.gz`, Body }));
    return `s3://bench/${name}.tar.gz`;
  }

  /** Lets an image name stand for a program that knows nothing but the container contract. */
  async addImage(name: string, command: readonly string[]): Promise<void> {
    await new TidewayApi(this.connection).addImage(name, command);
  }

  /** An endpoint that is taken down when the row is measured. */
  async endpoint(name: string, deployment: Deployment): Promise<AsyncDisposable> {
    await this.deploy(name, deployment);
    return { [Symbol.asyncDispose]: () => this.remove(name) };
  }

  /** Signed requests to an endpoint: as the load generator sends them. */
  target(endpoint: string, contentType: string, bodies: Target["bodies"]): Target {
    return {
      url: this.connection.url,
      path: `/endpoints/${endpoint}/invocations`,
      headers: { "content-type": contentType, accept: contentType },
      signer: this.connection,
      bodies,
      pids: this.pids,
    };
  }

  /** CreateModel, CreateEndpointConfig, CreateEndpoint, then DescribeEndpoint until InService, without a waiter's pauses. */
  async deploy(name: string, deployment: Deployment = { modelUrl: this.modelUrl }): Promise<void> {
    const { image = "tideway/auto", modelUrl, instances = 1, serverless } = deployment;
    const { sdk, client } = await this.aws.sagemaker();
    const role = `arn:aws:iam::${this.connection.accountId}:role/bench`;
    await client.send(
      new sdk.CreateModelCommand({
        ModelName: name,
        ExecutionRoleArn: role,
        PrimaryContainer: { Image: image, ...(modelUrl && { ModelDataUrl: modelUrl }) },
      }),
    );
    await client.send(
      new sdk.CreateEndpointConfigCommand({
        EndpointConfigName: name,
        ProductionVariants: [
          {
            VariantName: "AllTraffic",
            ModelName: name,
            ...(serverless
              ? { ServerlessConfig: serverless }
              : { InstanceType: "ml.m5.large", InitialInstanceCount: instances }),
          },
        ],
      }),
    );
    await client.send(new sdk.CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
    const end = performance.now() + DEPLOY_MS;
    while (performance.now() < end) {
      const { EndpointStatus, FailureReason } = await client.send(
        new sdk.DescribeEndpointCommand({ EndpointName: name }),
      );
      if (EndpointStatus === "InService") return;
      if (EndpointStatus !== "Creating") throw new Error(`${name} is ${EndpointStatus}: ${FailureReason}`);
    }
    throw new Error(`${name} was not InService within ${DEPLOY_MS / 1000} s.`);
  }

  async remove(name: string): Promise<void> {
    const { sdk, client } = await this.aws.sagemaker();
    await client.send(new sdk.DeleteEndpointCommand({ EndpointName: name }));
    const describe = new sdk.DescribeEndpointCommand({ EndpointName: name });
    while (
      await client.send(describe).then(
        () => true,
        () => false,
      )
    );
    await client.send(new sdk.DeleteEndpointConfigCommand({ EndpointConfigName: name }));
    await client.send(new sdk.DeleteModelCommand({ ModelName: name }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Rows like those of the data set, all different: the held-out ones, each value moved by up to a tenth, always the same way. */
export async function distinctRows(count: number): Promise<string[]> {
  const held = await readFile(new URL("breast-cancer-xgboost/rows.csv", MODELS), "utf8");
  const base = held.trim().split("\n");
  const chance = sequence(1);
  return Array.from({ length: count }, (_, index) =>
    base[index % base.length]!.split(",")
      .map((value) => (Number(value) * (0.9 + chance() / 5)).toPrecision(6))
      .join(","),
  );
}
