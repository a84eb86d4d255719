import type { EndpointConfigSummary, EndpointSummary, ModelSummary } from "@aws-sdk/client-sagemaker";
import { type Command, required } from "../command.ts";
import { AwsClients } from "../aws-clients.ts";
import { connect } from "../connect.ts";
import { age } from "../quantities.ts";
import { statusStyle } from "../phases.ts";
import { table } from "../table.ts";

export const ls: Command = {
  name: "ls",
  summary: "list endpoints, models or endpoint configurations, newest first",
  args: [
    {
      name: "[what]",
      summary: "what to list",
      choices: ["endpoints", "models", "configs"],
      default: "endpoints",
    },
  ],
  async run(call) {
    const { sdk, client } = await new AwsClients(await connect(call)).sagemaker();
    const { terminal } = call;
    const now = Date.now();
    const what = required(call.args[0]);
    if (what === "models") {
      const models: ModelSummary[] = [];
      for await (const page of sdk.paginateListModels({ client }, {})) models.push(...(page.Models ?? []));
      terminal.result({ models }, () =>
        table(
          ["MODEL", "AGE"],
          models.map((one) => [one.ModelName ?? "", age(one.CreationTime, now)]),
        ),
      );
    } else if (what === "configs") {
      const configs: EndpointConfigSummary[] = [];
      for await (const page of sdk.paginateListEndpointConfigs({ client }, {}))
        configs.push(...(page.EndpointConfigs ?? []));
      terminal.result({ configs }, () =>
        table(
          ["ENDPOINT CONFIG", "AGE"],
          configs.map((one) => [one.EndpointConfigName ?? "", age(one.CreationTime, now)]),
        ),
      );
    } else {
      const endpoints: EndpointSummary[] = [];
      for await (const page of sdk.paginateListEndpoints({ client }, {}))
        endpoints.push(...(page.Endpoints ?? []));
      terminal.result({ endpoints }, () =>
        table(
          ["ENDPOINT", "STATUS", "AGE", "CHANGED"],
          endpoints.map((one) => [
            one.EndpointName ?? "",
            terminal.style(statusStyle(one.EndpointStatus), one.EndpointStatus ?? ""),
            age(one.CreationTime, now),
            age(one.LastModifiedTime, now),
          ]),
        ),
      );
      if (endpoints.length === 0)
        terminal.note("No endpoints yet. Deploy one with: tideway deploy PATH --name NAME");
    }
  },
};
