/** A self-signed X.509 certificate in DER (RFC 5280), which node:crypto can read but not make. */
import { type KeyObject, sign } from "node:crypto";

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const GENERALIZED_TIME = 0x18;
const EXPLICIT_0 = 0xa0;
const VERSION_3 = Buffer.of(2);
/** sha256WithRSAEncryption, 1.2.840.113549.1.1.11, and NULL. */
const SHA256_RSA = Buffer.from("300d06092a864886f70d01010b0500", "hex");
/** commonName, 2.5.4.3. */
const COMMON_NAME = Buffer.from("0603550403", "hex");

export interface CertificateSubject {
  readonly commonName: string;
  /** Up to 20 bytes, the first below 128 and not 0. */
  readonly serial: Buffer;
  readonly from: Date;
  readonly until: Date;
}

/** The certificate as PEM. */
export function selfSigned(
  keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
  { commonName, serial, from, until }: CertificateSubject,
): string {
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
  const toBeSigned = der(
    SEQUENCE,
    der(EXPLICIT_0, der(INTEGER, VERSION_3)),
    der(INTEGER, serial),
    SHA256_RSA,
    name,
    der(SEQUENCE, time(from), time(until)),
    name,
    keys.publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = sign("sha256", toBeSigned, keys.privateKey);
  const certificate = der(SEQUENCE, toBeSigned, SHA256_RSA, der(BIT_STRING, Buffer.of(0), signature));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

const time = (date: Date) =>
  der(GENERALIZED_TIME, Buffer.from(`${date.toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`));

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 128) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 255 ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, body]);
}
