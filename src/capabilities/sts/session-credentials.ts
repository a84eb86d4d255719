import { createHash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Credential, Credentials, Principal } from "../../wire/credentials.ts";

/** A temporary key, as it is handed out once. */
export interface SessionKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: number;
}

const MOST = 10_000;

/**
 * The root key and the temporary keys that STS hands out. Temporary keys live in memory: a restart ends them, and
 * their holders ask for new ones as they do when one expires.
 */
export class SessionCredentials implements Credentials {
  readonly #root: Credentials;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sessions = new Map<string, Credential & { readonly expiresAt: number }>();

  constructor(root: Credentials, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#root = root;
    this.#clock = clock;
    this.#random = random;
  }

  find(accessKeyId: string): Credential | undefined {
    return this.#root.find(accessKeyId) ?? this.#sessions.get(accessKeyId);
  }

  /** Makes a key that speaks for the principal for so long; undefined when too many are in use. */
  issue(principal: Omit<Principal, "accessKeyId">, seconds: number): SessionKey | undefined {
    if (this.#sessions.size >= MOST) this.#dropExpired();
    if (this.#sessions.size >= MOST) return undefined;
    const key = {
      accessKeyId: `ASIA${base32(this.#random.bytes(10))}`,
      secretAccessKey: this.#random.bytes(30).toString("base64"),
      sessionToken: this.#random.bytes(96).toString("base64"),
      expiresAt: this.#clock.now() + seconds * 1000,
    };
    const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = key;
    this.#sessions.set(accessKeyId, {
      secretAccessKey,
      sessionToken,
      expiresAt,
      principal: { ...principal, accessKeyId },
    });
    return key;
  }

  #dropExpired(): void {
    const now = this.#clock.now();
    // the verifier tells an expired key from an unknown one, so they stay until room is needed
    for (const [id, { expiresAt }] of this.#sessions) if (expiresAt <= now) this.#sessions.delete(id);
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
