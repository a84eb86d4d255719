/** Whom a signature speaks for. */
export interface Principal {
  readonly accessKeyId: string;
  /** Twelve digits. */
  readonly accountId: string;
  /** `arn:aws:iam::000000000000:root`, or an assumed role's session. */
  readonly arn: string;
  /** What GetCallerIdentity calls UserId. */
  readonly userId: string;
}

/** An access key as the verifier needs it. */
export interface Credential {
  readonly secretAccessKey: string;
  /** Of temporary keys: what the request must carry as `x-amz-security-token`. */
  readonly sessionToken?: string;
  /** Of temporary keys: milliseconds since the epoch. */
  readonly expiresAt?: number;
  readonly principal: Principal;
}

/**
 * The verifier's question: which key is this? Asked for every request, so it must be quick. The session token, where
 * the request has one, is not proven yet.
 */
export interface Credentials {
  find(accessKeyId: string, sessionToken?: string): Credential | undefined;
}
