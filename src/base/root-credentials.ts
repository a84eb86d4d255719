import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeDurableFile } from "./durable-file.ts";
import type { Random } from "./random.ts";

/** The key that may do everything. */
export interface RootCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ID_VARIABLE = "TIDEWAY_ACCESS_KEY_ID";
const SECRET_VARIABLE = "TIDEWAY_SECRET_ACCESS_KEY";

/**
 * The root key: what the environment sets, else the one in the data folder's credentials.json, which the first start
 * makes at random and only its owner can read.
 */
export async function rootCredentials(
  folder: string,
  random: Random,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RootCredentials> {
  const file = join(folder, "credentials.json");
  return fromEnvironment(env) ?? (await fromFile(file)) ?? create(file, random);
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>): RootCredentials | undefined {
  const accessKeyId = env[ID_VARIABLE] || undefined;
  const secretAccessKey = env[SECRET_VARIABLE] || undefined;
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new Error(`${ID_VARIABLE} and ${SECRET_VARIABLE} must be set together; only one of them is.`);
  if (!isId(accessKeyId)) throw new Error(`${ID_VARIABLE} must be 3 to 128 letters, digits and underscores.`);
  if (!isSecret(secretAccessKey))
    throw new Error(`${SECRET_VARIABLE} must be 8 to 128 printable ASCII characters without spaces.`);
  return { accessKeyId, secretAccessKey };
}

async function fromFile(file: string): Promise<RootCredentials | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`can't read the root key: ${(error as Error).message}`, { cause: error });
  }
  const found = parse(text);
  if (!found)
    throw new Error(
      `${file} doesn't hold an accessKeyId and a secretAccessKey. Put the right file back, or remove it to have a new key made.`,
    );
  await chmod(file, 0o600);
  return found;
}

function parse(text: string): RootCredentials | undefined {
  try {
    const { accessKeyId, secretAccessKey } = JSON.parse(text) as Partial<Record<string, unknown>>;
    return isId(accessKeyId) && isSecret(secretAccessKey) ? { accessKeyId, secretAccessKey } : undefined;
  } catch {
    return undefined;
  }
}

async function create(file: string, random: Random): Promise<RootCredentials> {
  const id = [...random.bytes(16)].map((byte) => BASE32[byte % BASE32.length]).join("");
  const credentials = { accessKeyId: `TWKI${id}`, secretAccessKey: random.bytes(20).toString("hex") };
  await writeDurableFile(file, `${JSON.stringify(credentials, null, 2)}\n`);
  return credentials;
}

/** A slash in the id would cut a signature's credential scope in the wrong place. */
function isId(value: unknown): value is string {
  return typeof value === "string" && /^\w{3,128}$/.test(value);
}

function isSecret(value: unknown): value is string {
  return typeof value === "string" && /^[!-~]{8,128}$/.test(value);
}
