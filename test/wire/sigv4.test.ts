import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Credential, Credentials } from "../../src/wire/credentials.ts";
import { Denial } from "../../src/wire/denial.ts";
import { bodyOf, type HttpRequest } from "../../src/wire/http.ts";
import { verify } from "../../src/wire/sigv4.ts";
import { presign, sign, type Signed, stamp } from "./sign.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const MINUTE = 60_000;
const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const principal = {
  accessKeyId: KEYS.accessKeyId,
  accountId: "000000000000",
  arn: "arn:aws:iam::000000000000:root",
  userId: "0",
};
const known = (extra: Partial<Credential> = {}): Credentials => ({
  find: (id) =>
    id === KEYS.accessKeyId ? { secretAccessKey: KEYS.secretAccessKey, principal, ...extra } : undefined,
});
const S3 = { ...KEYS, service: "s3", now: NOW };
const API = { ...KEYS, service: "sagemaker", now: NOW };
const hashOf = (body: string | Uint8Array) => createHash("sha256").update(body).digest("hex");

function request({ method, path, query, headers, body }: Signed): HttpRequest {
  return {
    method,
    path,
    rawQuery: query,
    query: new URLSearchParams(query),
    headers,
    body: bodyOf(Buffer.from(body as string)),
  };
}

/** What the verifier makes of a request and its body: who, or why not. */
function outcome(signed: Signed, credentials = known(), now = NOW): string {
  try {
    const signature = verify(request(signed), credentials, now);
    if (!signature) return "unsigned";
    if (!signature.payload.startsWith("STREAMING-")) signature.check(hashOf(signed.body));
    return signature.principal.arn;
  } catch (error) {
    if (error instanceof Denial) return error.kind;
    throw error;
  }
}

const ROOT = principal.arn;

describe("the header", () => {
  test("AWS's own example verifies (S3 API reference, GET object)", () => {
    const headers = {
      host: "examplebucket.s3.amazonaws.com",
      range: "bytes=0-9",
      "x-amz-content-sha256": hashOf(""),
      "x-amz-date": "20130524T000000Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    };
    const example = {
      find: () => ({ secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", principal }),
    };
    expect(
      outcome(
        { method: "GET", path: "/test.txt", query: "", headers, body: "" },
        example,
        Date.UTC(2013, 4, 24),
      ),
    ).toBe(ROOT);
  });

  test.each([
    ["the hash sent", undefined],
    ["the hash kept back, as boto3 does", ""],
  ])("a body is bound to its signature: %s", (_, payload) => {
    const signer = payload === undefined ? API : { ...API, payload };
    const signed = sign({ path: "/endpoints/a b/x", query: "b=2&a=%2F&a=1", body: "1,2" }, signer);
    expect(outcome(signed)).toBe(ROOT);
    expect(outcome({ ...signed, body: "1,3" })).toBe(payload === undefined ? "wrongBody" : "wrongSignature");
  });

  test("a query in another order, or with + for a space, is the same query", () => {
    const signed = sign({ query: "a=1%20x&b=2" }, API);
    expect(outcome({ ...signed, query: "b=2&a=1+x" })).toBe(ROOT);
    expect(outcome({ ...signed, query: "a=1%20x&b=2&c=3" })).toBe("wrongSignature");
  });

  test.each([
    [-15 * MINUTE, ROOT],
    [15 * MINUTE, ROOT],
    [-15 * MINUTE - 1000, "skewed"],
    [15 * MINUTE + 1000, "skewed"],
  ])("signed %i ms from now: %s", (offset, expected) => {
    expect(outcome(sign({}, { ...API, now: NOW + offset }))).toBe(expected);
  });

  test("spaces around a header and runs of them do not count, any other character does", () => {
    const signed = sign({ headers: { "content-type": "text/csv; a" } }, API);
    const typed = (type: string) =>
      outcome({ ...signed, headers: { ...signed.headers, "content-type": type } });
    expect(typed(" text/csv;   a ")).toBe(ROOT);
    expect(typed("text/csv; a\u00a0")).toBe("wrongSignature");
    expect(typed("\ttext/csv; a")).toBe("wrongSignature");
  });

  test("a late signature says both times, as clients expect", () => {
    const late = () => verify(request(sign({}, { ...API, now: NOW - 3_600_000 })), known(), NOW);
    expect(late).toThrow(
      "Signature expired: 20260102T020405Z is now earlier than 20260102T024905Z (20260102T030405Z - 15 min.)",
    );
  });

  test("the scope's day is the date's", () => {
    expect(outcome(sign({}, { ...API, day: "20260101" }))).toBe("wrongSignature");
  });

  test("host and every x-amz header must be signed", () => {
    expect(outcome(sign({}, { ...API, leaveOut: ["host"] }))).toBe("incomplete");
    expect(
      outcome(sign({ headers: { "x-amz-acl": "public-read" } }, { ...S3, leaveOut: ["x-amz-acl"] })),
    ).toBe("unsignedHeader");
    const signed = sign({}, S3);
    signed.headers["x-amz-meta-added"] = "later";
    expect(outcome(signed)).toBe("unsignedHeader");
  });

  test("an unknown key", () => {
    expect(outcome(sign({}, { ...API, accessKeyId: "AKIDOTHER" }))).toBe("unknownKey");
    expect(outcome(sign({}, { ...API, accessKeyId: "AKIDOTHER", payload: "" }))).toBe("unknownKey");
  });

  test.each(["x", "UNSIGNED", "STREAMING-UNSIGNED-PAYLOAD", "e3b0c442"])(
    "the payload mode %s is unknown",
    (payload) => {
      expect(outcome(sign({}, { ...S3, payload }))).toBe("unknownPayload");
    },
  );

  test("only S3 takes bodies that are not signed", () => {
    expect(outcome(sign({ body: "x" }, { ...S3, payload: "UNSIGNED-PAYLOAD" }))).toBe(ROOT);
    expect(outcome(sign({ body: "x" }, { ...API, payload: "UNSIGNED-PAYLOAD" }))).toBe("unknownPayload");
    expect(outcome(sign({ body: "x" }, { ...API, payload: "STREAMING-UNSIGNED-PAYLOAD-TRAILER" }))).toBe(
      "unknownPayload",
    );
  });

  test.each([
    "",
    "Basic dXNlcjpwYXNz",
    "Bearer x",
    "AWS AKIDEXAMPLE:signature",
    "AWS4-HMAC-SHA256",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/s3/aws4_request",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE, SignedHeaders=host, Signature=00",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/s3/aws5_request, SignedHeaders=host, Signature=00",
  ])("the header %j is incomplete", (authorization) => {
    const { headers, ...rest } = sign({}, S3);
    expect(outcome({ ...rest, headers: { ...headers, authorization } })).toBe("incomplete");
  });
});

describe("a presigned URL", () => {
  test("verifies until it expires", () => {
    const signed = presign({ path: "/b/k%20ey", query: "versionId=1" }, { ...S3, expires: 60 });
    expect(outcome(signed)).toBe(ROOT);
    expect(outcome(signed, known(), NOW + 60_000)).toBe(ROOT);
    expect(outcome(signed, known(), NOW + 60_001)).toBe("expired");
    expect(outcome(signed, known(), NOW - 16 * MINUTE)).toBe("expired");
  });

  test.each([
    [604_800, ROOT],
    [604_801, "incompleteQuery"],
    [0, "incompleteQuery"],
    ["-1", "incompleteQuery"],
    ["1e3", "incompleteQuery"],
  ])("for %s seconds: %s", (expires, expected) => {
    expect(outcome(presign({}, { ...S3, expires }))).toBe(expected);
  });

  test("another query, path or method is another request", () => {
    const signed = presign({ path: "/b/k" }, S3);
    expect(outcome({ ...signed, query: `${signed.query}&x=1` })).toBe("wrongSignature");
    expect(outcome({ ...signed, path: "/b/other" })).toBe("wrongSignature");
    expect(outcome({ ...signed, method: "DELETE" })).toBe("wrongSignature");
  });

  test("a parameter given twice is refused", () => {
    const signed = presign({ path: "/b/k" }, S3);
    for (const name of ["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Expires"])
      expect(outcome({ ...signed, query: `${signed.query}&${name}=1` })).toBe("incompleteQuery");
  });

  test("an x-amz header that was not signed is refused", () => {
    const signed = presign({ path: "/b/k", method: "PUT" }, S3);
    signed.headers["x-amz-acl"] = "public-read";
    expect(outcome(signed)).toBe("unsignedHeader");
  });

  test("no streaming mode by URL", () => {
    const headers = { "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER" };
    expect(
      outcome(presign({ method: "PUT", headers }, { ...S3, payload: "STREAMING-UNSIGNED-PAYLOAD-TRAILER" })),
    ).toBe("unknownPayload");
  });

  test("outside S3 the body is part of it", () => {
    const signed = presign(
      { path: "/", query: "Action=GetCallerIdentity&Version=2011-06-15" },
      { ...KEYS, service: "sts", now: NOW },
    );
    expect(outcome(signed)).toBe(ROOT);
    expect(outcome({ ...signed, body: "more" })).toBe("wrongSignature");
  });

  test("together with an Authorization header it is ambiguous", () => {
    const both = {
      ...presign({ path: "/b/k" }, S3),
      headers: sign({ method: "GET", path: "/b/k" }, S3).headers,
    };
    expect(outcome(both)).toBe("ambiguous");
  });
});

describe("version 2 URLs", () => {
  const v2 = (path: string, extra = "", expires = NOW / 1000 + 60): Signed => {
    const text = `GET\n\n\n${expires}\n${path}${extra ? `?${extra}` : ""}`;
    const signature = createHmac("sha1", KEYS.secretAccessKey).update(text).digest("base64");
    const query = `${extra ? `${extra}&` : ""}AWSAccessKeyId=${KEYS.accessKeyId}&Signature=${encodeURIComponent(signature)}&Expires=${expires}`;
    return { method: "GET", path, query, headers: { host: "127.0.0.1" }, body: "" };
  };
  test("verify until they expire", () => {
    expect(outcome(v2("/b/k", "versionId=3"))).toBe(ROOT);
    expect(outcome(v2("/b/k", "", NOW / 1000 - 1))).toBe("expired");
    expect(outcome({ ...v2("/b/k"), path: "/b/other" })).toBe("wrongSignature");
    expect(outcome({ ...v2("/b/k"), query: "AWSAccessKeyId=AKIDEXAMPLE" })).toBe("incompleteQuery");
  });
});

describe("temporary keys", () => {
  const temporary = known({ sessionToken: "token", expiresAt: NOW + MINUTE });
  test("count with their token, while it lasts", () => {
    const signed = sign({}, { ...API, sessionToken: "token" });
    expect(outcome(signed, temporary)).toBe(ROOT);
    expect(outcome(signed, temporary, NOW + MINUTE)).toBe("expiredToken");
    expect(outcome(presign({}, { ...S3, sessionToken: "token" }), temporary)).toBe(ROOT);
  });
  test("do not count without it, nor does a token count with other keys", () => {
    expect(outcome(sign({}, API), temporary)).toBe("wrongToken");
    expect(outcome(sign({}, { ...API, sessionToken: "other" }), temporary)).toBe("wrongToken");
    expect(outcome(sign({}, { ...API, sessionToken: "token" }))).toBe("wrongToken");
  });
});

test("no credential at all", () => {
  expect(outcome({ method: "GET", path: "/", query: "", headers: { host: "127.0.0.1" }, body: "" })).toBe(
    "unsigned",
  );
});

describe("changes of one byte", () => {
  const requests: readonly Signed[] = [
    sign(
      { path: "/endpoints/iris/invocations", headers: { "content-type": "text/csv" }, body: "1,2,3" },
      API,
    ),
    sign({ headers: { "x-amz-target": "SageMaker.ListModels" }, body: "{}" }, { ...API, payload: "" }),
    sign(
      { method: "PUT", path: "/b/k", headers: { "x-amz-meta-a": "b" }, body: "x" },
      { ...S3, payload: "UNSIGNED-PAYLOAD" },
    ),
    presign({ path: "/b/key", query: "response-content-type=text%2Fplain" }, S3),
  ];

  /** The request with one byte changed at a place of its signed parts, or undefined where that changes nothing. */
  function mutate(signed: Signed, part: number, at: number, xor: number): Signed | undefined {
    const change = (text: string) => {
      const bytes = Buffer.from(text, "latin1");
      if (!bytes.length) return undefined;
      const index = at % bytes.length;
      bytes[index] = (bytes[index] ?? 0) ^ xor;
      return bytes.toString("latin1");
    };
    const names = Object.keys(signed.headers);
    const fields = ["method", "path", "query", "body"] as const;
    const field = fields[part % (fields.length + names.length)];
    if (field === "body" && signed.headers["x-amz-content-sha256"] === "UNSIGNED-PAYLOAD") return undefined;
    if (field === "body" && !signed.headers.authorization) return undefined;
    if (field) {
      const changed = change(signed[field] as string);
      return changed === undefined ? undefined : { ...signed, [field]: changed };
    }
    const name = names[(part % (fields.length + names.length)) - fields.length] ?? "";
    const changed = change(signed.headers[name] ?? "");
    return changed === undefined ? undefined : { ...signed, headers: { ...signed.headers, [name]: changed } };
  }

  /** What is the same after the decoding that signatures prescribe. */
  const meaning = ({ query, headers, ...rest }: Signed) => {
    const sorted = [...new URLSearchParams(query)].map(String).sort();
    const trimmed = Object.entries(headers).map(([name, value]) => [
      name,
      value
        .trim()
        .replace(/\s+/g, " ")
        .replace(/\s*,\s*/g, ","),
    ]);
    return JSON.stringify([sorted, trimmed, rest]);
  };

  test("never verify", () => {
    for (const signed of requests) expect(outcome(signed)).toBe(ROOT);
    fc.assert(
      fc.property(
        fc.constantFrom(...requests),
        fc.nat(1000),
        fc.nat(1000),
        fc.integer({ min: 1, max: 255 }),
        (signed, part, at, xor) => {
          const changed = mutate(signed, part, at, xor);
          if (!changed || meaning(changed) === meaning(signed)) return;
          expect(outcome(changed)).not.toBe(ROOT);
        },
      ),
      { numRuns: 5000, seed: 20260102 },
    );
  });
});

test("a date is stamped as AWS writes it", () => {
  expect(stamp(NOW)).toBe("20260102T030405Z");
});
