/**
 * What tools read of a bucket before they touch it (Terraform's aws_s3_bucket reads nearly all). Nothing of it can
 * be configured here, and S3 has a way to say so for each.
 */
import type * as sdk from "@aws-sdk/client-s3";
import type { DiskStore } from "../../objects/disk/disk-store.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { bucketOf, type BucketInput, objectOf } from "./lookup.ts";

export function bucketSettingHandlers(store: DiskStore): Handlers<typeof sdk, Context> {
  const absent = (code: string, message: string) => async (input: BucketInput, context: Context) => {
    bucketOf(store, input, context);
    throw new Fault(code, message, 404, { BucketName: input.Bucket });
  };
  const empty = async (input: BucketInput, context: Context) => {
    bucketOf(store, input, context);
    return {};
  };
  return {
    GetBucketPolicy: absent("NoSuchBucketPolicy", "The bucket policy does not exist"),
    GetBucketPolicyStatus: absent("NoSuchBucketPolicy", "The bucket policy does not exist"),
    GetBucketCors: absent("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    GetBucketWebsite: absent(
      "NoSuchWebsiteConfiguration",
      "The specified bucket does not have a website configuration",
    ),
    GetBucketLifecycleConfiguration: absent(
      "NoSuchLifecycleConfiguration",
      "The lifecycle configuration does not exist",
    ),
    GetBucketReplication: absent(
      "ReplicationConfigurationNotFoundError",
      "The replication configuration was not found",
    ),
    GetBucketEncryption: absent(
      "ServerSideEncryptionConfigurationNotFoundError",
      "The server side encryption configuration was not found",
    ),
    GetObjectLockConfiguration: absent(
      "ObjectLockConfigurationNotFoundError",
      "Object Lock configuration does not exist for this bucket",
    ),
    GetPublicAccessBlock: absent(
      "NoSuchPublicAccessBlockConfiguration",
      "The public access block configuration was not found",
    ),
    GetBucketVersioning: empty,
    GetBucketLogging: empty,
    GetBucketAccelerateConfiguration: empty,
    GetBucketNotificationConfiguration: empty,

    async GetBucketRequestPayment(input, context) {
      bucketOf(store, input, context);
      return { Payer: "BucketOwner" };
    },
    async GetBucketOwnershipControls(input, context) {
      bucketOf(store, input, context);
      return { OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] } };
    },
    async GetBucketAcl(input, context) {
      bucketOf(store, input, context);
      return accessList(context);
    },
    async GetObjectAcl(input, context) {
      objectOf(store, input, context);
      return accessList(context);
    },
  };
}

function accessList({ caller: { accountId: ID } }: Context) {
  return {
    Owner: { ID },
    Grants: [{ Grantee: { Type: "CanonicalUser" as const, ID }, Permission: "FULL_CONTROL" as const }],
  };
}
