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
        const broken = new AbortController();
        const command = new Command(input.Body ? withBody(input, input.Body, context, broken) : input);
        const abortSignal = AbortSignal.any([context.signal, broken.signal]);
        const sent = client.send(command, { abortSignal });
        const { $metadata: _, ...output } = await sent.catch((error: unknown) => {
          throw broken.signal.aborted ? broken.signal.reason : toldAs(error);
        });
        return output;
      },
    ]),
  );
}

/** The body as the SDK can send it: of known length, its end held back until its signature and checksum are known to hold. */
function withBody(
  input: Input,
  body: AsyncIterable<Uint8Array>,
  context: Context,
  broken: AbortController,
): object {
  const { headers } = context.request;
  const { ContentMD5: _, ...rest } = input as Input & { ContentMD5?: string }; // the other side's to check
  const check = new BodyCheck(rest, context);
  const checked = async function* () {
    try {
      let held: Uint8Array | undefined;
      for await (const chunk of check.through(body)) {
        if (held) yield held;
        held = chunk;
      }
      await check.verify({ md5: "" });
      if (held) yield held;
    } catch (error) {
      broken.abort(error);
      // nothing in the SDK listens for the error of a body, which would end the process; so there is no end to it
      await new Promise(() => {});
    }
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

/** The other side's error as ours. */
function toldAs(error: unknown): unknown {
  if (!(error instanceof sdk.S3ServiceException)) return error;
  const status = error.$metadata.httpStatusCode ?? 500;
  // answers to HEAD have no body, so the SDK has no name for them
  const known = !/^(Unknown|UnknownError|\d+)$/.test(error.name);
  return new Fault(known ? error.name : (NAMES[status] ?? "InternalError"), error.message, status);
}
