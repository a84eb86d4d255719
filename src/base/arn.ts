/** Whose resources these are, and where: what every ARN begins with. */
export interface Account {
  readonly region: string;
  /** Twelve digits. */
  readonly accountId: string;
}

/** `arn:aws:sagemaker:us-east-1:000000000000:endpoint/iris` */
export function arn(account: Account, service: string, resource: string): string {
  return `arn:aws:${service}:${account.region}:${account.accountId}:${resource}`;
}
