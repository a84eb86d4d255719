/** A refusal for a request that nobody has read yet, in the protocol that its sender most likely reads. */
import { Fault, type HttpRequest, type HttpResponse } from "../wire/http.ts";
import { failure, type Protocol } from "../wire/protocol.ts";
import { AwsQuery } from "../wire/query.ts";
import { RestXml } from "../wire/rest.ts";
import { AwsJson, Cbor } from "../wire/rpc.ts";
import { claimedService } from "../wire/sigv4.ts";
import { REST_JSON, RUNTIME } from "./runtime-service.ts";

const PROTOCOLS: readonly Protocol[] = [new AwsJson("1.1"), new AwsJson("1.0"), new Cbor(), new AwsQuery()];
const S3 = new RestXml("");

/** Control could not be asked. Told from the head alone: the media type, and the service that the signature names. */
export function unavailable(request: HttpRequest, why: string, requestId: string): HttpResponse {
  const fault = new Fault("ServiceUnavailable", `${why} Try again.`, 503);
  const isForm = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") ?? false;
  const form = isForm ? new URLSearchParams("Action=") : request.query;
  const spoken = PROTOCOLS.find((protocol) => protocol.speaks({ ...request, form }));
  const protocol = spoken ?? (claimedService(request) === "s3" ? S3 : REST_JSON);
  const response = protocol.fail(RUNTIME, failure(RUNTIME, fault), requestId);
  response.headers["x-amzn-requestid"] = response.headers["x-amz-request-id"] = requestId;
  return response;
}
