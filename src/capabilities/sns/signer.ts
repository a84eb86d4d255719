/** The key that notifications are signed with, and the certificate by which subscribers check them. */
import { createPrivateKey, generateKeyPair, type KeyObject, sign, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Clock } from "../../base/clock.ts";
import { writeDurableFile } from "../../base/durable-file.ts";
import type { Random } from "../../base/random.ts";
import { selfSigned } from "./certificate.ts";

const VALID_MS = 20 * 365 * 86_400_000;
const FILE = "sns-signing.pem";

interface Identity {
  readonly key: KeyObject;
  readonly certificate: string;
  /** Part of the certificate's URL: subscribers keep what they fetched by its URL. */
  readonly id: string;
}

/** Made when it is first needed, and kept in the data folder: key and certificate in one file, so that they never part. */
export class NotificationSigner {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #random: Random;
  #identity: Promise<Identity> | undefined;

  constructor(dataDir: string, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#file = join(dataDir, FILE);
    this.#clock = clock;
    this.#random = random;
  }

  /** Version 1 is SHA-1, version 2 SHA-256, both with RSA; in base64. */
  async sign(text: string, version: "1" | "2"): Promise<string> {
    const { key } = await this.#known();
    return sign(version === "1" ? "sha1" : "sha256", Buffer.from(text), key).toString("base64");
  }

  /** PEM, and what its URL ends with. */
  async certificate(): Promise<{ readonly pem: string; readonly id: string }> {
    const { certificate, id } = await this.#known();
    return { pem: certificate, id };
  }

  #known(): Promise<Identity> {
    this.#identity ??= this.#load().catch((error: unknown) => {
      this.#identity = undefined;
      throw error;
    });
    return this.#identity;
  }

  async #load(): Promise<Identity> {
    const pem = await readFile(this.#file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return this.#make();
      throw error;
    });
    const certificate = pem.slice(pem.indexOf("-----BEGIN CERTIFICATE-----"));
    const id = new X509Certificate(certificate).fingerprint256.replaceAll(":", "").slice(0, 32).toLowerCase();
    return { key: createPrivateKey(pem), certificate, id };
  }

  async #make(): Promise<string> {
    const keys = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
    const serial = this.#random.bytes(16);
    serial[0] = 1 + (serial[0]! % 127);
    const now = this.#clock.now();
    const certificate = selfSigned(keys, {
      commonName: "Tideway notifications",
      serial,
      from: new Date(now - 86_400_000),
      until: new Date(now + VALID_MS),
    });
    const key = keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    await writeDurableFile(this.#file, key + certificate);
    return key + certificate;
  }
}
