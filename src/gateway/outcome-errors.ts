/** Outcomes of the data plane as errors of the SageMaker runtime: the one table. */
import { type Account, arn } from "../base/arn.ts";
import type { Outcome } from "../dataplane/outcome.ts";
import { Fault } from "../wire/http.ts";
import { RuntimeError } from "./runtime-service.ts";

/** An outcome that is not an answer, and that somebody is left to hear. */
export type FailedOutcome = Exclude<Outcome<never>, { kind: "answered" | "cancelled" }>;

export interface ErrorTexts {
  readonly account: Account;
  /** Where the link to the logs leads, without a slash at its end. */
  readonly consoleUrl: string;
}

/** The runtime's exception for an outcome; `endpoint` as the caller wrote it. */
export function outcomeError(outcome: FailedOutcome, endpoint: string, texts: ErrorTexts): Error {
  const { accountId } = texts.account;
  if (outcome.kind === "model-error") return modelError(outcome, endpoint, texts);
  if (outcome.kind === "unknown-endpoint")
    return new RuntimeError(
      "ValidationError",
      `Endpoint ${outcome.endpoint} of account ${accountId} not found.`,
    );
  if (outcome.kind === "asynchronous")
    return new RuntimeError(
      "ValidationError",
      `Endpoint ${outcome.endpoint} is an asynchronous endpoint and does not support real-time invocations: use InvokeEndpointAsync.`,
    );
  if (outcome.kind === "unknown-variant")
    return new RuntimeError(
      "ValidationError",
      `Variant ${outcome.variant} of endpoint ${outcome.endpoint} of account ${accountId} not found.`,
    );
  if (outcome.kind === "not-ready")
    return new RuntimeError(
      "ModelNotReadyException",
      // the second sentence is AWS's own, from the exception's description
      `Variant ${outcome.variant} of endpoint ${outcome.endpoint} has no instance that is ready: they are being started. Wait and try your request again.`,
    );
  if (outcome.kind === "throttled")
    return new Fault(
      "ThrottlingException",
      `Endpoint ${outcome.endpoint} has as many requests as its MaxConcurrency allows: ${outcome.maxConcurrency}. Try again later, or raise MaxConcurrency.`,
    );
  // AWS answers 400 with a message of null (opensearch-project/ml-commons#2429), which callers take for their own mistake
  const message =
    outcome.kind === "overloaded"
      ? `Endpoint ${outcome.endpoint} has too many requests waiting. Try again later, or add instances.`
      : outcome.message;
  return new RuntimeError("ServiceUnavailable", message);
}

function modelError(
  { status, message }: { status: number; message: string },
  endpoint: string,
  { account, consoleUrl }: ErrorTexts,
): Error {
  const side = status >= 400 && status < 500 ? "client" : "server";
  const group = `/aws/sagemaker/Endpoints/${endpoint}`;
  const logs = `${consoleUrl}/cloudwatch/home?region=${account.region}#logEventViewer:group=${group}`;
  // the container's name; AWS calls a model's only one "primary"
  const told = `Received ${side} error (${status}) from primary with message "${message}". See ${logs} in account ${account.accountId} for more information.`;
  return new RuntimeError("ModelError", told, {
    OriginalStatusCode: status,
    OriginalMessage: message,
    LogStreamArn: arn(account, "logs", `log-group:${group}`),
  });
}
