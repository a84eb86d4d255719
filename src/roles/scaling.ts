/** CloudWatch and Application Auto Scaling call each other: alarms set policies off, and policies have alarms. */
import type * as sagemaker from "@aws-sdk/client-sagemaker";
import { alarmsOfCloudWatch, type CloudWatchCalls } from "../capabilities/autoscaling/alarms.ts";
import { type Autoscaling, openAutoscaling } from "../capabilities/autoscaling/autoscaling.ts";
import { ActionRefused } from "../capabilities/cloudwatch/alarm-actions.ts";
import {
  type CloudWatch,
  type CloudWatchOptions,
  openCloudWatch,
} from "../capabilities/cloudwatch/cloudwatch.ts";
import type { Context } from "../wire/context.ts";
import type { Handlers } from "../wire/service.ts";

export interface Scaling extends AsyncDisposable {
  readonly cloudwatch: CloudWatch;
  readonly autoscaling: Autoscaling;
}

type Hosting = Pick<Handlers<typeof sagemaker, Context>, "UpdateEndpointWeightsAndCapacities">;

/** `hosting` is what changes capacities. */
export async function openScaling(options: CloudWatchOptions, hosting: Hosting): Promise<Scaling> {
  await using parts = new AsyncDisposableStack();
  const opened = Promise.withResolvers<Autoscaling>();
  const cloudwatch = parts.use(
    await openCloudWatch({
      ...options,
      runners: [
        ...(options.runners ?? []),
        {
          prefix: "arn:aws:autoscaling:",
          async run({ arn }) {
            const autoscaling = await opened.promise;
            if (!(await autoscaling.alarmed(arn)))
              throw new ActionRefused(`There is no scaling policy ${arn}.`);
          },
        },
      ],
    }),
  );
  const autoscaling = parts.use(
    await openAutoscaling({
      ...options,
      alarms: alarmsOfCloudWatch(options.store, options.clock, callsOf(cloudwatch)),
      async setCapacity(endpoint, variant, capacity) {
        const change =
          "instanceCount" in capacity
            ? { DesiredInstanceCount: capacity.instanceCount }
            : { ServerlessUpdateConfig: { ProvisionedConcurrency: capacity.provisionedConcurrency } };
        await hosting.UpdateEndpointWeightsAndCapacities!(
          { EndpointName: endpoint, DesiredWeightsAndCapacities: [{ VariantName: variant, ...change }] },
          NOBODY,
        );
      },
    }),
  );
  opened.resolve(autoscaling);
  const owned = parts.move();
  return { cloudwatch, autoscaling, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Its operations, called as a client would. */
function callsOf(cloudwatch: CloudWatch): CloudWatchCalls {
  const call = async (operation: keyof CloudWatchCalls, input: object): Promise<object> =>
    ((await cloudwatch.handlers())[operation] as (input: object, context: Context) => Promise<object>)(
      input,
      NOBODY,
    );
  return {
    PutMetricAlarm: (input) => call("PutMetricAlarm", input),
    DeleteAlarms: (input) => call("DeleteAlarms", input),
    GetMetricData: (input) => call("GetMetricData", input),
  };
}

/** What asks is the server itself: no client that could go away, and no request. */
const NOBODY = {
  request: { headers: {} },
  signal: new AbortController().signal,
} as Context;
