/**
 * Signed requests, changed: no error but a Denial, and none is let in that says something else than what was signed.
 * An input is a request as text: method, path and query on a line each, then headers, an empty line, the body.
 */
import type { Credentials } from "../../src/wire/credentials.ts";
import { Denial, denialFault } from "../../src/wire/denial.ts";
import { bodyOf, Fault, type HttpRequest } from "../../src/wire/http.ts";
import { claimedService, sha256, verify } from "../../src/wire/sigv4.ts";
import { presign, sign, type Signed } from "../../test/wire/sign.ts";
import { attempt, type FuzzTarget, Finding } from "../target.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const S3 = { ...KEYS, service: "s3", now: NOW };
const API = { ...KEYS, service: "sagemaker", now: NOW };
const principal = {
  accessKeyId: KEYS.accessKeyId,
  accountId: "0",
  arn: "arn:aws:iam::000000000000:root",
  userId: "0",
};
const CREDENTIALS: Credentials = {
  find: (id, token) =>
    id === KEYS.accessKeyId
      ? {
          secretAccessKey: KEYS.secretAccessKey,
          principal,
          ...(token !== undefined && { sessionToken: "t" }),
        }
      : undefined,
};

const requests: readonly Signed[] = [
  sign(
    {
      path: "/endpoints/tide/invocations",
      headers: { "content-type": "text/csv", "x-amzn-sagemaker-custom-attributes": "a  b" },
      body: "1,2",
    },
    API,
  ),
  sign(
    {
      headers: { "x-amz-target": "SageMaker.ListModels", "content-type": "application/x-amz-json-1.1" },
      body: "{}",
    },
    { ...API, payload: "" },
  ),
  sign(
    {
      method: "PUT",
      path: "/bucket/a%20key",
      query: "x-id=PutObject&partNumber=1",
      headers: { "x-amz-meta-a": "b" },
      body: "tide",
    },
    S3,
  ),
  sign(
    { method: "PUT", path: "/bucket/key", headers: { "x-amz-acl": "private" }, body: "tide" },
    { ...S3, payload: "UNSIGNED-PAYLOAD" },
  ),
  sign({ method: "GET", path: "/bucket", query: "list-type=2&prefix=a%2Fb" }, { ...S3, sessionToken: "t" }),
  presign({ path: "/bucket/key", query: "versionId=1" }, S3),
  presign({ path: "/bucket/key", headers: { "content-type": "text/plain" } }, { ...S3, sessionToken: "t" }),
];

/** What each signature was made for. */
const meant = new Map<string, string>();
for (const signed of requests) {
  const request = parse(written(signed));
  meant.set(signatureOf(request), meaning(request));
}

export const target: FuzzTarget = {
  seeds: requests.map(written),
  dictionary: [
    "\n",
    "host: ",
    "x-amz-date: ",
    "UNSIGNED-PAYLOAD",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "&X-Amz-Signature=",
    "%20",
    "+",
    " ",
    "\t",
    "\xa0",
    ", ",
  ],
  run(input) {
    const request = parse(input.toString("latin1"));
    claimedService(request);
    const { value, refusal } = attempt(() => {
      const signature = verify(request, CREDENTIALS, NOW);
      signature?.check(sha256(request.text));
      return signature;
    }, Denial);
    if (refusal instanceof Denial && !(denialFault(refusal, "s3") instanceof Fault))
      throw new Finding("a Denial without words");
    if (!value) return;
    const was = meant.get(signatureOf(request));
    if (was !== meaning(request))
      throw new Finding(`let in, though it was signed for ${was ?? "nothing"}: ${meaning(request)}`);
  },
};

function written({ method, path, query, headers, body }: Signed): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [method, path, query, ...lines, "", body as string].join("\n");
}

/** As Node's parser would hand it over: no control characters, names in lower case, values without space around them. */
function parse(text: string): HttpRequest & { readonly text: Buffer } {
  const [method = "", path = "", rawQuery = "", ...lines] = text.split("\n");
  const headers: Record<string, string> = Object.create(null);
  let at = 0;
  for (let line = lines[at++]; line; line = lines[at++]) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    // oxlint-disable-next-line no-control-regex -- what Node refuses
    if (colon < 1 || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || /[\0-\x08\x0a-\x1f\x7f]/.test(line)) continue;
    const value = line
      .slice(colon + 1)
      .replace(/^[ \t]+/, "")
      .replace(/(?<![ \t])[ \t]+$/, "");
    headers[name] = name in headers && name !== "authorization" ? `${headers[name]}, ${value}` : value;
  }
  const body = Buffer.from(lines.slice(at).join("\n"), "latin1");
  return {
    method,
    path,
    rawQuery,
    query: new URLSearchParams(rawQuery),
    headers,
    body: bodyOf(body),
    text: body,
  };
}

function signatureOf({ headers, query }: HttpRequest): string {
  return query.get("X-Amz-Signature") ?? /Signature=([0-9a-f]*)/.exec(headers.authorization ?? "")?.[1] ?? "";
}

/** All that a signature speaks for, in one text; what is left out of a signed header is as good as empty. */
function meaning({ method, path, query, headers, text }: HttpRequest & { readonly text: Buffer }): string {
  const names =
    query.get("X-Amz-SignedHeaders") ?? /SignedHeaders=([^,]*)/.exec(headers.authorization ?? "")?.[1] ?? "";
  const payload = headers["x-amz-content-sha256"] ?? (query.has("X-Amz-Signature") ? "UNSIGNED-PAYLOAD" : "");
  return JSON.stringify([
    method,
    path,
    [...query].map((pair) => pair.join("=")).sort(),
    names,
    names
      .trim()
      .split(";")
      .map((name) => (headers[name] ?? "").replace(/ +/g, " ")),
    payload === "UNSIGNED-PAYLOAD" ? "" : text.toString("latin1"),
    /Credential=([^,]*)/.exec(headers.authorization ?? "")?.[1]?.trim(),
  ]);
}
