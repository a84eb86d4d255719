import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { RootCredentials } from "../../base/root-credentials.ts";
import type { Credential, Credentials, Principal } from "../../wire/credentials.ts";

/** A temporary key, as it is handed out once. */
export interface SessionKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: number;
}

/** What a session token holds, sealed. */
interface Session {
  readonly secretAccessKey: string;
  readonly expiresAt: number;
  readonly principal: Principal;
}

/** Opened tokens that are kept, so that a request with one costs no more than one without. */
const MOST_OPENED = 1000;
const IV = 12;
const TAG = 16;

/**
 * The root key and the temporary keys that STS hands out. A temporary key is kept nowhere: its session token holds it,
 * sealed with a key that comes from the root key's secret. So every process that knows the root key accepts it, and it
 * outlives each of them.
 */
export class SessionCredentials implements Credentials {
  readonly #root: Credential;
  readonly #sealingKey: Uint8Array;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #opened = new Map<string, Credential>();

  constructor(
    { accessKeyId, secretAccessKey }: RootCredentials,
    accountId: string,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    const arn = `arn:aws:iam::${accountId}:root`;
    this.#root = { secretAccessKey, principal: { accessKeyId, accountId, arn, userId: accountId } };
    this.#sealingKey = new Uint8Array(hkdfSync("sha256", secretAccessKey, "", "tideway session token", 32));
    this.#clock = clock;
    this.#random = random;
  }

  find(accessKeyId: string, sessionToken?: string): Credential | undefined {
    if (accessKeyId === this.#root.principal.accessKeyId) return this.#root;
    if (sessionToken === undefined) return undefined;
    const credential = this.#opened.get(sessionToken) ?? this.#open(sessionToken);
    return credential?.principal.accessKeyId === accessKeyId ? credential : undefined;
  }

  /** Makes a key that speaks for the principal for so long. */
  issue(principal: Omit<Principal, "accessKeyId">, seconds: number): SessionKey {
    const accessKeyId = `ASIA${base32(this.#random.bytes(10))}`;
    const secretAccessKey = this.#random.bytes(30).toString("base64");
    const expiresAt = this.#clock.now() + seconds * 1000;
    const session: Session = { secretAccessKey, expiresAt, principal: { ...principal, accessKeyId } };
    return { accessKeyId, secretAccessKey, sessionToken: this.#seal(session), expiresAt };
  }

  #seal(session: Session): string {
    const iv = this.#random.bytes(IV);
    const cipher = createCipheriv("aes-256-gcm", this.#sealingKey, iv);
    const sealed = [cipher.update(JSON.stringify(session)), cipher.final()];
    return Buffer.concat([iv, ...sealed, cipher.getAuthTag()]).toString("base64");
  }

  /** Undefined for what was not sealed here. */
  #open(sessionToken: string): Credential | undefined {
    const bytes = Buffer.from(sessionToken, "base64");
    if (bytes.length <= IV + TAG) return undefined;
    const decipher = createDecipheriv("aes-256-gcm", this.#sealingKey, bytes.subarray(0, IV), {
      authTagLength: TAG,
    });
    decipher.setAuthTag(bytes.subarray(-TAG));
    let session: Session;
    try {
      const opened = Buffer.concat([decipher.update(bytes.subarray(IV, -TAG)), decipher.final()]);
      session = JSON.parse(opened.toString()) as Session;
    } catch {
      return undefined;
    }
    const credential = { ...session, sessionToken };
    const [oldest] = this.#opened.keys();
    if (oldest !== undefined && this.#opened.size >= MOST_OPENED) this.#opened.delete(oldest);
    this.#opened.set(sessionToken, credential);
    return credential;
  }
}

/** What IAM calls a role's unique id, told from its ARN: the roles that STS is asked for need not exist. */
export function roleIdOf(roleArn: string): string {
  return `AROA${base32(createHash("sha256").update(roleArn).digest()).slice(0, 17)}`;
}

/** As AWS's ids are written: capitals and digits. */
export function base32(bytes: Uint8Array): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  return (bits.match(/.{5}/g) ?? [])
    .map((five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(five, 2)])
    .join("");
}
