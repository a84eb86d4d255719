/** Version 2 of S3's presigned URLs, which boto3's `generate_presigned_url` makes unless it is told otherwise. */
import { createHmac, createSecretKey } from "node:crypto";
import type { Credentials } from "./credentials.ts";
import { Denial } from "./denial.ts";
import type { HttpRequest } from "./http.ts";
import { requireToken, sameText, type Signature } from "./sigv4.ts";

/** Whether a URL carries a version 2 credential, or a part of one. */
export function isSignedV2(query: URLSearchParams): boolean {
  return query.has("AWSAccessKeyId") || query.has("Signature");
}

/** Who signed the URL; throws a Denial when that, or its time, is wrong. */
export function verifyV2(request: HttpRequest, credentials: Credentials, now: number): Signature {
  const { query } = request;
  const parameter = (name: string) => {
    const [value, another] = query.getAll(name);
    if (!value || another !== undefined)
      throw new Denial("incompleteQuery", `The query must hold ${name} once.`);
    return value;
  };
  const [accessKeyId, expires, given] = [
    parameter("AWSAccessKeyId"),
    parameter("Expires"),
    parameter("Signature"),
  ];
  if (!/^\d{1,12}$/.test(expires))
    throw new Denial("incompleteQuery", "Expires must be a number of seconds since the epoch.");
  const token = query.get("x-amz-security-token") ?? request.headers["x-amz-security-token"];
  const credential = credentials.find(accessKeyId, token);
  const mac = createHmac("sha1", credential?.secretAccessKey ?? "no such key").update(
    stringToSign(request, expires),
    "latin1",
  );
  const right = sameText(given, mac.digest("base64"));
  if (!credential) throw new Denial("unknownKey");
  if (!right) throw new Denial("wrongSignature");
  if (now > Number(expires) * 1000) throw new Denial("expired");
  requireToken(credential, token, now);
  return {
    principal: credential.principal,
    service: "s3",
    scope: "",
    date: "",
    payload: "UNSIGNED-PAYLOAD",
    signature: given,
    key: NO_KEY,
    check() {},
  };
}

const NO_KEY = createSecretKey("", "utf8");

/** The query parameters that name a part of a resource, or change the answer's headers: only these are signed. */
const SUBRESOURCES =
  /^(?:acl|cors|delete|lifecycle|location|logging|notification|partNumber|policy|requestPayment|response-.*|restore|tagging|torrent|uploadId|uploads|versionId|versioning|versions|website)$/;

function stringToSign({ method, path, query, headers }: HttpRequest, expires: string): string {
  const amz = new Map<string, string>();
  for (const [name, value] of [...Object.entries(headers), ...query])
    if (name.startsWith("x-amz-")) amz.set(name, value);
  const header = (name: string) => headers[name] ?? query.get(name) ?? "";
  const amzLines = [...amz]
    .map(([name, value]) => `${name}:${value}\n`)
    .sort()
    .join("");
  const parts = [...query]
    .filter(([name]) => SUBRESOURCES.test(name))
    .map(([name, value]) => (value ? `${name}=${value}` : name));
  const resource = path + (parts.length ? `?${parts.sort().join("&")}` : "");
  return [method, header("content-md5"), header("content-type"), expires, amzLines + resource].join("\n");
}
