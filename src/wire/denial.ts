/**
 * Why a request was not let in, and what each family of services calls that.
 *
 * Sources: S3's list of error codes (API reference, "Error Responses"); STS and IAM "Common Errors"; for JSON services
 * what SDK users report of SageMaker and DynamoDB: RPC services answer 400 (`Status Code: 400; Error Code:
 * UnrecognizedClientException`), REST ones such as the SageMaker runtime 403.
 */
import { Fault } from "./http.ts";

/** Every reason to refuse a caller. */
export type DenialKind = keyof typeof DENIALS;

/** What the families of services differ in: S3's own codes, query's short ones, JSON's `...Exception`. */
export type Dialect = "s3" | "query" | "json" | "rest-json";

/** Thrown by the verifier, which does not know yet in which protocol the caller must be told. */
export class Denial extends Error {
  readonly kind: DenialKind;
  readonly details: Readonly<Record<string, string>>;
  constructor(kind: DenialKind, message?: string, details: Readonly<Record<string, string>> = {}) {
    super(message ?? DENIALS[kind].message);
    this.name = "Denial";
    this.kind = kind;
    this.details = details;
  }
}

/** The denial as an error of the caller's own protocol. */
export function denialFault({ kind, message, details }: Denial, dialect: Dialect): Fault {
  const { s3, query, json } = DENIALS[kind];
  if (dialect === "s3") return new Fault(s3[0], message, s3[1], details);
  if (dialect === "query") return new Fault(query[0], message, query[1], details);
  return new Fault(json, message, dialect === "json" ? 400 : 403, details);
}

const MISMATCH =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

/** Code, and HTTP status where the family does not fix it: JSON RPC always says 400, restJson1 403. */
const DENIALS = {
  /** No credential anywhere. */
  unsigned: {
    message: "Missing Authentication Token",
    s3: ["AccessDenied", 403],
    query: ["MissingAuthenticationToken", 403],
    json: "MissingAuthenticationTokenException",
  },
  /** A credential whose parts are missing or malformed. */
  incomplete: {
    message: "The request signature does not conform to AWS standards.",
    s3: ["AuthorizationHeaderMalformed", 400],
    query: ["IncompleteSignature", 400],
    json: "IncompleteSignatureException",
  },
  /** Credentials in the header and in the query. */
  ambiguous: {
    message:
      "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
    s3: ["InvalidArgument", 400],
    query: ["IncompleteSignature", 400],
    json: "IncompleteSignatureException",
  },
  /** A header that must be covered by the signature is not. */
  unsignedHeader: {
    message: "There were headers present in the request which were not signed",
    s3: ["AccessDenied", 403],
    query: ["SignatureDoesNotMatch", 403],
    json: "InvalidSignatureException",
  },
  unknownKey: {
    message: "The security token included in the request is invalid.",
    s3: ["InvalidAccessKeyId", 403],
    query: ["InvalidClientTokenId", 403],
    json: "UnrecognizedClientException",
  },
  /** A session token that is missing, not this key's, or sent with a key that has none. */
  wrongToken: {
    message: "The security token included in the request is invalid.",
    s3: ["InvalidToken", 400],
    query: ["InvalidClientTokenId", 403],
    json: "UnrecognizedClientException",
  },
  expiredToken: {
    message: "The security token included in the request is expired",
    s3: ["ExpiredToken", 400],
    query: ["ExpiredToken", 403],
    json: "ExpiredTokenException",
  },
  wrongSignature: {
    message: MISMATCH,
    s3: ["SignatureDoesNotMatch", 403],
    query: ["SignatureDoesNotMatch", 403],
    json: "InvalidSignatureException",
  },
  /** More than 15 minutes from the server's clock. */
  skewed: {
    message: "The difference between the request time and the current time is too large.",
    s3: ["RequestTimeTooSkewed", 403],
    query: ["SignatureDoesNotMatch", 403],
    json: "InvalidSignatureException",
  },
  /** A presigned URL after its time. */
  expired: {
    message: "Request has expired",
    s3: ["AccessDenied", 403],
    query: ["SignatureDoesNotMatch", 403],
    json: "InvalidSignatureException",
  },
  /** Presigned for longer than a week, or for no time at all. */
  wrongExpiry: {
    message: "X-Amz-Expires must be a number between 1 and 604800 seconds",
    s3: ["AuthorizationQueryParametersError", 400],
    query: ["IncompleteSignature", 400],
    json: "IncompleteSignatureException",
  },
  /** An x-amz-content-sha256 that is neither a hash nor a mode that this service takes. */
  unknownPayload: {
    message:
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
    s3: ["InvalidArgument", 400],
    query: ["IncompleteSignature", 400],
    json: "IncompleteSignatureException",
  },
  /** The signature is right, but for another body. */
  wrongBody: {
    message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
    s3: ["XAmzContentSHA256Mismatch", 400],
    query: ["SignatureDoesNotMatch", 403],
    json: "InvalidSignatureException",
  },
} as const satisfies Record<
  string,
  { message: string; s3: readonly [string, number]; query: readonly [string, number]; json: string }
>;
