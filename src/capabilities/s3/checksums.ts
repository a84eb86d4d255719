/** Checksums that a client sends with a body, beside it or behind it: computed on the way, compared before the commit. */
import { Crc32c, Crc64Nvme } from "@aws-sdk/checksums/crc";
import { Xxh3_128, Xxh3_64, Xxh64 } from "@aws-sdk/checksums/xxh";
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { StagedFile } from "../../objects/disk/object-files.ts";
import type { Checksum, Part } from "../../objects/disk/stored-object.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import { combineCrc, CRC_FORMS } from "./crc-combine.ts";
import { badDigest, invalidRequest } from "./faults.ts";

interface Sum {
  update(bytes: Uint8Array): void;
  digest(): Promise<Uint8Array>;
}

const ALGORITHMS = {
  CRC32: { make: runningCrc32, bytes: 4 },
  CRC32C: { make: () => new Crc32c(), bytes: 4 },
  CRC64NVME: { make: () => new Crc64Nvme(), bytes: 8 },
  SHA1: { make: () => nodeHash("sha1"), bytes: 20 },
  SHA256: { make: () => nodeHash("sha256"), bytes: 32 },
  SHA512: { make: () => nodeHash("sha512"), bytes: 64 },
  MD5: { make: () => nodeHash("md5"), bytes: 16 },
  XXHASH64: { make: () => new Xxh64(), bytes: 8 },
  XXHASH3: { make: () => new Xxh3_64(), bytes: 8 },
  XXHASH128: { make: () => new Xxh3_128(), bytes: 16 },
} satisfies Record<string, { make: () => Sum; bytes: number }>;

export type Algorithm = keyof typeof ALGORITHMS;

/** The members of an input that carry checksums. */
export type ChecksumMembers = { readonly [Name in Algorithm as `Checksum${Name}`]?: string };
interface Declared extends ChecksumMembers {
  readonly ContentMD5?: string;
  readonly ChecksumAlgorithm?: string;
}

/** One body on its way in: `through` looks on, `verify` throws unless all that was declared about it holds. */
export class BodyCheck {
  readonly algorithm: Algorithm | undefined;
  readonly #sum: Sum | undefined;
  readonly #trailer: boolean;
  readonly #input: Declared;
  readonly #context: Context;

  /** `ofUpload`: what the upload was started with, which its parts must use. */
  constructor(input: Declared, context: Context, ofUpload?: string) {
    this.#input = input;
    this.#context = context;
    const given = algorithmsOf(input);
    const trailers = (context.request.headers["x-amz-trailer"] ?? "")
      .split(",")
      .map((name) => algorithmNamed(name.trim().replace(/^x-amz-checksum-/, "")))
      .filter((name) => name !== undefined);
    const [declared, ...more] = new Set([...given, ...trailers]);
    if (more.length)
      throw invalidRequest(
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
      );
    if (input.ContentMD5 !== undefined && !isBase64Of(input.ContentMD5, 16))
      throw new Fault("InvalidDigest", "The Content-MD5 you specified is not valid.", 400);
    this.#trailer = trailers.length > 0;
    if (declared && !this.#trailer) checkValue(declared, input[`Checksum${declared}`]!);
    if (ofUpload !== undefined && declared !== undefined && declared !== ofUpload)
      throw invalidRequest(
        `Checksum Type mismatch occurred, expected checksum Type: ${ofUpload.toLowerCase()}, actual checksum Type: ${declared.toLowerCase()}`,
      );
    this.algorithm = declared ?? algorithmNamed(ofUpload);
    this.#sum = this.algorithm && ALGORITHMS[this.algorithm].make();
  }

  async *through(body: AsyncIterable<Uint8Array> | undefined): AsyncGenerator<Uint8Array> {
    for await (const chunk of body ?? []) {
      this.#sum?.update(chunk);
      yield chunk;
    }
  }

  /** The checksum, if there is one, in base64. */
  async verify({ md5 }: Pick<StagedFile, "md5">): Promise<string | undefined> {
    const { ContentMD5 } = this.#input;
    if (ContentMD5 !== undefined && ContentMD5 !== Buffer.from(md5, "hex").toString("base64"))
      throw badDigest("The Content-MD5 you specified did not match what we received.");
    if (!this.algorithm) return undefined;
    const actual = Buffer.from(await this.#sum!.digest()).toString("base64");
    const expected = this.#trailer
      ? this.#context.trailers.get(`x-amz-checksum-${this.algorithm.toLowerCase()}`)
      : this.#input[`Checksum${this.algorithm}`];
    if (this.#trailer && expected === undefined)
      throw new Fault(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
        400,
      );
    if (this.#trailer) checkValue(this.algorithm, expected!);
    if (expected !== undefined && expected !== actual)
      throw badDigest(`The ${this.algorithm} you specified did not match the calculated checksum.`);
    return actual;
  }
}

/** The checksum of bytes that are here already. */
export async function checksumOf(algorithm: Algorithm, body: AsyncIterable<Uint8Array>): Promise<string> {
  const sum: Sum = ALGORITHMS[algorithm].make();
  for await (const chunk of body) sum.update(chunk);
  return Buffer.from(await sum.digest()).toString("base64");
}

/** Of an object made of parts: over the parts' checksums, or, of CRCs, over the bytes themselves. */
export async function checksumOfParts(
  algorithm: Algorithm,
  type: Checksum["type"],
  parts: readonly Part[],
): Promise<string> {
  const digests = parts.map(({ checksum }) => Buffer.from(checksum!, "base64"));
  if (type === "FULL_OBJECT") {
    const form = CRC_FORMS[algorithm]!;
    const whole = digests.reduce(
      (sum, digest, i) => combineCrc(form, sum, BigInt(`0x${digest.toString("hex")}`), parts[i]!.size),
      0n,
    );
    return Buffer.from(whole.toString(16).padStart(Number(form.bits) / 4, "0"), "hex").toString("base64");
  }
  const sum: Sum = ALGORITHMS[algorithm].make();
  sum.update(Buffer.concat(digests));
  return `${Buffer.from(await sum.digest()).toString("base64")}-${parts.length}`;
}

/** How the checksum of an upload's object comes about, by what the client asked for. Throws InvalidRequest. */
export function checksumTypeOf(algorithm: Algorithm, asked: string | undefined): Checksum["type"] {
  const type = asked ?? (algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE");
  const fits =
    type === "FULL_OBJECT" ? algorithm in CRC_FORMS : type === "COMPOSITE" && algorithm !== "CRC64NVME";
  if (!fits)
    throw invalidRequest(
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  return type as Checksum["type"];
}

/** As members of an output. */
export function checksumMembers(
  checksum: Pick<Checksum, "algorithm" | "value"> | undefined,
): ChecksumMembers {
  return checksum ? { [`Checksum${checksum.algorithm}`]: checksum.value } : {};
}

/** Which checksums an input carries. */
export function algorithmsOf(input: ChecksumMembers): Algorithm[] {
  return NAMES.filter((name) => input[`Checksum${name}`] !== undefined);
}

/** The algorithm of that name, in any case; undefined for no name. Throws InvalidRequest for one that S3 has not. */
export function algorithmNamed(name: string | undefined): Algorithm | undefined {
  if (!name) return undefined;
  const found = NAMES.find((one) => one === name.toUpperCase());
  if (!found)
    throw invalidRequest(
      "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    );
  return found;
}

const NAMES = Object.keys(ALGORITHMS) as Algorithm[];

function checkValue(algorithm: Algorithm, value: string): void {
  if (!isBase64Of(value, ALGORITHMS[algorithm].bytes))
    throw invalidRequest(`Value for x-amz-checksum-${algorithm.toLowerCase()} header is invalid.`);
}

function isBase64Of(text: string, bytes: number): boolean {
  return Buffer.from(text, "base64").length === bytes && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

function nodeHash(algorithm: string): Sum {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: async () => hash.digest() };
}

function runningCrc32(): Sum {
  let value = 0;
  return {
    update: (bytes) => void (value = crc32(bytes, value)),
    async digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    },
  };
}
