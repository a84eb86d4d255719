import { sleep, systemClock } from "../../base/clock.ts";
import { AwsClients } from "../aws-clients.ts";
import { type Command, required } from "../command.ts";
import { connect } from "../connect.ts";
import { isRevisionOf } from "../deployment.ts";
import { CliError } from "../exit-codes.ts";

export const rm: Command = {
  name: "rm",
  summary: "delete an endpoint",
  args: [{ name: "<endpoint>", summary: "endpoint name" }],
  options: [
    { flags: "--all", summary: "its configuration and models, too, and those of former deployments" },
    { flags: "--no-wait", summary: "do not wait until it is gone" },
  ],
  async run(call) {
    const { options, terminal, signal } = call;
    const abort = { abortSignal: signal };
    const { sdk, client } = await new AwsClients(await connect(call)).sagemaker();
    const EndpointName = required(call.args[0]);
    const { EndpointConfigName: config } = await client.send(
      new sdk.DescribeEndpointCommand({ EndpointName }),
      abort,
    );
    const configs = new Set(config && options["all"] === true ? [config] : []);
    const models = new Set<string>();
    if (options["all"] === true) {
      const NameContains = EndpointName.slice(0, 43);
      for await (const page of sdk.paginateListEndpointConfigs({ client }, { NameContains }))
        for (const { EndpointConfigName: name = "" } of page.EndpointConfigs ?? [])
          if (isRevisionOf(EndpointName, name)) configs.add(name);
      for (const EndpointConfigName of configs) {
        const found = await client.send(new sdk.DescribeEndpointConfigCommand({ EndpointConfigName }), abort);
        for (const { ModelName } of found.ProductionVariants ?? []) if (ModelName) models.add(ModelName);
      }
    }
    await client.send(new sdk.DeleteEndpointCommand({ EndpointName }), abort);
    const removed = [`endpoint ${EndpointName}`];
    if (options["wait"] !== false) {
      const until = systemClock.monotonic() + 300_000;
      while (await stillThere()) {
        if (systemClock.monotonic() > until)
          throw new CliError("timedOut", `${EndpointName} is still being deleted.`);
        await sleep(systemClock, 50, signal);
      }
    }
    for (const EndpointConfigName of configs) {
      await client.send(new sdk.DeleteEndpointConfigCommand({ EndpointConfigName }), abort);
      removed.push(`config ${EndpointConfigName}`);
    }
    for (const ModelName of models) {
      await client.send(new sdk.DeleteModelCommand({ ModelName }), abort);
      removed.push(`model ${ModelName}`);
    }
    terminal.result({ removed }, () => removed.map((one) => `Deleted ${one}.`));

    async function stillThere(): Promise<boolean> {
      try {
        await client.send(new sdk.DescribeEndpointCommand({ EndpointName }), abort);
        return true;
      } catch (error) {
        if (error instanceof Error && /could not find/i.test(error.message)) return false;
        throw error;
      }
    }
  },
};
