/**
 * Why a request was not let in, and what each family of services calls that.
 *
 * Sources: "Error responses" of the S3 API reference; "Common errors" of the STS, IAM and DynamoDB references; and what
 * users report, where the references are silent: JSON RPC services refuse with 400 (`Service: AmazonSageMaker; Status
 * Code: 400; Error Code: AccessDeniedException`), REST ones with 403 (Bedrock's runtime: 403 InvalidSignatureException);
 * late requests read `Signature expired: 20210502T144040Z is now earlier than 20210502T173143Z (20210502T174643Z - 15 min.)`
 * outside S3.
 */
import { Fault } from "./http.ts";

/** Every reason to refuse a caller. */
export type DenialKind = keyof typeof DENIALS;

/** What the families of services differ in: S3's own codes, query's short ones, JSON's `...Exception`. */
export type Dialect = "s3" | "query" | "json" | "rest-json";

/** Thrown by the verifier, which does not know yet in which protocol the caller must be told. */
export class Denial extends Error {
  readonly kind: DenialKind;
  /** Further members for S3's error, which has room for them. */
  readonly details: Readonly<Record<string, string>>;

  /** `message`: more exact than the table's. */
  constructor(kind: DenialKind, message = "", details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = "Denial";
    this.kind = kind;
    this.details = details;
  }
}

/** The denial as an error of the caller's own protocol. */
export function denialFault({ kind, message, details }: Denial, dialect: Dialect): Fault {
  const row: Row = DENIALS[kind];
  if (dialect === "s3")
    return new Fault(row.s3[0], message || (row.s3[2] ?? row.message), row.s3[1], details);
  if (dialect === "query") return new Fault(row.query[0], message || row.message, row.query[1]);
  return new Fault(row.json, message || row.message, dialect === "json" ? 400 : (row.rest ?? 403));
}

interface Row {
  readonly message: string;
  /** Its own message where S3 says it in another way. */
  readonly s3: readonly [code: string, status: number, message?: string];
  readonly query: readonly [code: string, status: number];
  readonly json: string;
  /** In restJson1, where it is not 403; JSON RPC always says 400. */
  readonly rest?: number;
}

const DENIALS = {
  /** No credential anywhere. */
  unsigned: {
    message: "Missing Authentication Token",
    s3: ["AccessDenied", 403, "Access Denied"],
    query: ["MissingAuthenticationToken", 403],
    json: "MissingAuthenticationTokenException",
  },
  /** A credential whose parts are missing or malformed. */
  incomplete: {
    message: "The request signature does not conform to AWS standards.",
    s3: ["AuthorizationHeaderMalformed", 400],
    query: ["IncompleteSignature", 400],
    json: "IncompleteSignatureException",
    rest: 400,
  },
  /** The same in a presigned URL. */
  incompleteQuery: {
    message: "The request signature does not conform to AWS standards.",
    s3: ["AuthorizationQueryParametersError", 400],
    query: ["IncompleteSignature", 400],
    json: "IncompleteSignatureException",
    rest: 400,
  },
  /** Credentials in the header and in the query. */
  ambiguous: {
    message:
      "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
    s3: ["InvalidArgument", 400],
    query: ["IncompleteSignature", 400],
    json: "IncompleteSignatureException",
    rest: 400,
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
    s3: ["InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."],
    query: ["InvalidClientTokenId", 403],
    json: "UnrecognizedClientException",
  },
  /** A session token that is missing, not this key's, or sent with a key that has none. */
  wrongToken: {
    message: "The security token included in the request is invalid.",
    s3: ["InvalidToken", 400, "The provided token is malformed or otherwise invalid."],
    query: ["InvalidClientTokenId", 403],
    json: "UnrecognizedClientException",
  },
  expiredToken: {
    message: "The security token included in the request is expired",
    s3: ["ExpiredToken", 400, "The provided token has expired."],
    query: ["ExpiredToken", 403],
    json: "ExpiredTokenException",
  },
  wrongSignature: {
    message:
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    s3: [
      "SignatureDoesNotMatch",
      403,
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    ],
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
  /** An x-amz-content-sha256 that is neither a hash nor a mode that this service takes. */
  unknownPayload: {
    message:
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
    s3: ["InvalidArgument", 400],
    query: ["IncompleteSignature", 400],
    json: "IncompleteSignatureException",
    rest: 400,
  },
  /** The signature is right, but for another body. */
  wrongBody: {
    message:
      "The request signature we calculated does not match the signature you provided: the body is not the one that was signed.",
    s3: [
      "XAmzContentSHA256Mismatch",
      400,
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ],
    query: ["SignatureDoesNotMatch", 403],
    json: "InvalidSignatureException",
  },
} as const satisfies Record<string, Row>;
