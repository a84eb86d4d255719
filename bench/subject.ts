import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AwsClients } from "../src/cli/aws-clients.ts";
import type { Connection } from "../src/cli/data-folder.ts";
import { modelFiles, pack } from "../src/cli/model-package.ts";
import { ServerProcess } from "../src/cli/server-process.ts";

const MODEL = fileURLToPath(new URL("../examples/models/breast-cancer", import.meta.url));

/** The name of the endpoint that is asked. */
export const ENDPOINT = "bench";

/** The server that is measured, with a small ONNX model of 30 features behind an endpoint. */
export class Subject implements AsyncDisposable {
  readonly server: ServerProcess;
  readonly connection: Connection;
  readonly aws: AwsClients;
  /** Where the model lies, for CreateModel. */
  readonly modelUrl: string;
  readonly #folder: string;

  private constructor(folder: string, server: ServerProcess, modelUrl: string) {
    this.#folder = folder;
    this.server = server;
    this.connection = server.connection;
    this.aws = new AwsClients(server.connection);
    this.modelUrl = modelUrl;
  }

  static async start(): Promise<Subject> {
    const folder = await mkdtemp(join(tmpdir(), "tideway-bench-"));
    const server = await ServerProcess.start(join(folder, "data"), process.env);
    const { file } = await pack(await modelFiles(join(MODEL, "model.onnx")), join(folder, "model.tar.gz"));
    const subject = new Subject(folder, server, "s3://bench/model.tar.gz");
    const { sdk, client } = await subject.aws.s3();
    await client.send(new sdk.CreateBucketCommand({ Bucket: "bench" }));
    await client.send(
      new sdk.PutObjectCommand({ Bucket: "bench", Key: "model.tar.gz", Body: await readFile(file) }),
    );
    await subject.deploy(ENDPOINT);
    return subject;
  }

  /** CreateModel, CreateEndpointConfig, CreateEndpoint, then DescribeEndpoint until InService, without a waiter's pauses. */
  async deploy(name: string): Promise<void> {
    const { sdk, client } = await this.aws.sagemaker();
    const role = `arn:aws:iam::${this.connection.accountId}:role/bench`;
    await client.send(
      new sdk.CreateModelCommand({
        ModelName: name,
        ExecutionRoleArn: role,
        PrimaryContainer: { Image: "tideway/auto", ModelDataUrl: this.modelUrl },
      }),
    );
    await client.send(
      new sdk.CreateEndpointConfigCommand({
        EndpointConfigName: name,
        ProductionVariants: [
          {
            VariantName: "AllTraffic",
            ModelName: name,
            InstanceType: "ml.m5.large",
            InitialInstanceCount: 1,
          },
        ],
      }),
    );
    await client.send(new sdk.CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
    for (;;) {
      const { EndpointStatus, FailureReason } = await client.send(
        new sdk.DescribeEndpointCommand({ EndpointName: name }),
      );
      if (EndpointStatus === "InService") return;
      if (EndpointStatus !== "Creating") throw new Error(`${name} is ${EndpointStatus}: ${FailureReason}`);
    }
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
  const base = (await readFile(join(MODEL, "rows.csv"), "utf8")).trim().split("\n");
  let state = 1;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  return Array.from({ length: count }, (_, index) =>
    base[index % base.length]!.split(",")
      .map((value) => (Number(value) * (0.9 + next() / 5)).toPrecision(6))
      .join(","),
  );
}
