/** Amazon S3's operations when the objects are on another S3: each is passed on as it came. */
import * as sdk from "@aws-sdk/client-s3";
import { Readable } from "node:stream";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { BodyCheck, type ChecksumMembers } from "./checksums.ts";

type Input = ChecksumMembers & {
  readonly Body?: AsyncIterable<Uint8Array>;
  readonly ChecksumAlgorithm?: string;
};
type AnyCommand = new (input: object) => sdk.GetObjectCommand;

/** All operations that the SDK knows, answered by a client of the other S3. */
export function remoteS3Handlers(client: sdk.S3Client): Handlers<typeof sdk, Context> {
  const commands = Object.entries(sdk).filter(([name]) => name.endsWith("Command")) as [string, AnyCommand][];
  return Object.fromEntries(
    commands.map(([name, Command]) => [
      name.slice(0, -"Command".length),
      async (input: Input, context: Context) => {
        const command = new Command(input.Body ? withBody(input, input.Body, context) : input);
        const sent = client.send(command, { abortSignal: context.signal });
        const { $metadata: _, ...output } = await sent.catch(passOn);
        return output;
      },
    ]),
  );
}

/** The body as the SDK can send it: of known length, and broken off at its end unless its checksum holds. */
function withBody(input: Input, body: AsyncIterable<Uint8Array>, context: Context): object {
  const { headers } = context.request;
  const { ContentMD5: _, ...rest } = input as Input & { ContentMD5?: string }; // the other side's to check
  const check = new BodyCheck(rest, context);
  const checked = async function* () {
    yield* check.through(body);
    await check.verify({ md5: "" });
  };
  return {
    ...input,
    Body: Readable.from(checked(), { objectMode: false }),
    ContentLength: Number(headers["x-amz-decoded-content-length"] ?? headers["content-length"] ?? 0),
    ...(check.algorithm && { ChecksumAlgorithm: check.algorithm }),
  };
}

const NAMES: Readonly<Record<number, string>> = {
  304: "NotModified",
  404: "NotFound",
  412: "PreconditionFailed",
  416: "InvalidRange",
};

function passOn(error: unknown): never {
  if (!(error instanceof sdk.S3ServiceException)) throw error;
  const status = error.$metadata.httpStatusCode ?? 500;
  // answers to HEAD have no body, so the SDK has no name for them
  const known = !/^(Unknown|UnknownError|\d+)$/.test(error.name);
  throw new Fault(known ? error.name : (NAMES[status] ?? "InternalError"), error.message, status);
}
