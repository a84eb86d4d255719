import { AwsClients } from "../aws-clients.ts";
import { type Command, required } from "../command.ts";
import { connect } from "../connect.ts";
import { describeTransform } from "./transform.ts";
import { CliError } from "../exit-codes.ts";
import { phase, statusStyle } from "../phases.ts";
import { facts, printable, table } from "../table.ts";
import { TidewayApi } from "../tideway-api.ts";

export const describe: Command = {
  name: "describe",
  summary: "tell what an endpoint is, what it runs, and what happened to it; or how far a transform job is",
  args: [{ name: "<name>", summary: "name of an endpoint, or of a transform job" }],
  async run(call) {
    const { terminal, signal } = call;
    const abort = { abortSignal: signal };
    const connection = await connect(call);
    const { sdk, client } = await new AwsClients(connection).sagemaker("none");
    const EndpointName = required(call.args[0]);
    const endpoint = await client
      .send(new sdk.DescribeEndpointCommand({ EndpointName }), abort)
      .catch(async (error: unknown) => {
        // the name may be that of a job; if it is not, the endpoint is what was not found
        await describeTransform(call, EndpointName).catch(() => Promise.reject(error as Error));
      });
    if (!endpoint) return;
    // A configuration or model that was deleted since is no reason not to tell the rest.
    const config = await client
      .send(new sdk.DescribeEndpointConfigCommand({ EndpointConfigName: endpoint.EndpointConfigName }), abort)
      .catch(() => undefined);
    const models = await Promise.all(
      (config?.ProductionVariants ?? []).map(({ ModelName }) =>
        client
          .send(new sdk.DescribeModelCommand({ ModelName }), abort)
          .catch(() => ({ ModelName, PrimaryContainer: undefined })),
      ),
    );
    const events = await new TidewayApi(connection).events(EndpointName).catch((error: unknown) => {
      if (error instanceof CliError) return [];
      throw error;
    });
    terminal.result({ endpoint, config, models, events }, () => [
      ...facts([
        ["Endpoint", terminal.style("bold", EndpointName)],
        ["Status", terminal.style(statusStyle(endpoint.EndpointStatus), phase(endpoint))],
        ["Failure", endpoint.FailureReason && printable(endpoint.FailureReason)],
        ["ARN", endpoint.EndpointArn],
        ["URL", `${connection.url}/endpoints/${EndpointName}/invocations`],
        ["Config", endpoint.EndpointConfigName],
        ["Created", endpoint.CreationTime?.toISOString()],
        ["Changed", endpoint.LastModifiedTime?.toISOString()],
      ]),
      "",
      ...table(
        ["VARIANT", "INSTANCES", "TYPE", "WEIGHT", "MODEL", "IMAGE", "DATA"],
        (config?.ProductionVariants ?? []).map((variant, index) => {
          const live = endpoint.ProductionVariants?.find((one) => one.VariantName === variant.VariantName);
          const container = models[index]?.PrimaryContainer;
          const serverless = live?.CurrentServerlessConfig ?? variant.ServerlessConfig;
          return [
            variant.VariantName ?? "",
            serverless
              ? `${serverless.ProvisionedConcurrency ?? 0}..${serverless.MaxConcurrency}`
              : `${live?.CurrentInstanceCount ?? 0}/${live?.DesiredInstanceCount ?? variant.InitialInstanceCount ?? 0}`,
            serverless ? `serverless ${serverless.MemorySizeInMB} MB` : (variant.InstanceType ?? ""),
            String(live?.CurrentWeight ?? variant.InitialVariantWeight ?? 1),
            variant.ModelName ?? "",
            container?.Image ?? "",
            container?.ModelDataUrl ?? container?.ModelDataSource?.S3DataSource?.S3Uri ?? "",
          ];
        }),
      ),
      ...(events.length > 0 ? ["", "Events"] : []),
      ...events
        .toSorted((a, b) => Number(new Date(a.at)) - Number(new Date(b.at)))
        .map(({ at, from, to, reason }) => {
          const when = new Date(at).toISOString();
          return `  ${when}  ${from ? `${from} -> ` : ""}${to}${reason ? `  ${printable(reason)}` : ""}`;
        }),
    ]);
  },
};
