/** Which operations of AWS are built: what docs/operations.md is made from. */
import { hostingOperations } from "./capabilities/hosting/operations.ts";
import { iamHandlers } from "./capabilities/iam/operations.ts";
import { s3Handlers } from "./capabilities/s3/operations.ts";
import { stsHandlers } from "./capabilities/sts/operations.ts";
import { services } from "./services.ts";

/** The handlers are made to be named here, not to be called: nothing stands behind them. */
const nothing = {} as never;

export const builtOperations: Readonly<Record<string, { sdk: object; built: readonly string[] }>> =
  Object.fromEntries(
    services({
      sagemaker: hostingOperations(nothing),
      runtime: {},
      s3: s3Handlers(nothing, "us-east-1"),
      sts: stsHandlers(nothing),
      iam: iamHandlers(nothing, nothing, nothing),
    }).map(({ name, sdk, mount, byGateway }) => [
      name,
      { sdk, built: [...Object.keys(mount.handlers), ...byGateway].sort() },
    ]),
  );
