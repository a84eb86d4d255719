import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { selfSigned } from "../../../src/capabilities/sns/certificate.ts";

test("the certificate is one that OpenSSL reads and finds signed by its own key", () => {
  const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = selfSigned(keys, {
    commonName: "Tide ü",
    serial: Buffer.from("0123456789abcdef", "hex"),
    from: new Date("2026-01-02T03:04:05Z"),
    until: new Date("2051-01-02T03:04:05Z"),
  });
  const certificate = new X509Certificate(pem);
  expect(certificate.verify(keys.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(keys.privateKey)).toBe(true);
  expect(certificate.subject).toBe("CN=Tide ü");
  expect(certificate.issuer).toBe(certificate.subject);
  expect(certificate.serialNumber).toBe("0123456789ABCDEF");
  expect(new Date(certificate.validFrom).toISOString()).toBe("2026-01-02T03:04:05.000Z");
  expect(new Date(certificate.validTo).toISOString()).toBe("2051-01-02T03:04:05.000Z");
});
