import { expect, test } from "vitest";
import { requestOf } from "../../../src/capabilities/events/call-api-destination.ts";

const target = { Id: "t", Arn: "a" };

test("what the connection says is stronger than what the target says", () => {
  const { url, headers, body } = requestOf(
    {
      AuthorizationType: "BASIC",
      AuthParameters: {
        BasicAuthParameters: { Username: "u", Password: "p" },
        InvocationHttpParameters: {
          HeaderParameters: [{ Key: "X-Who", Value: "connection" }],
          QueryStringParameters: [{ Key: "q", Value: "connection" }],
          BodyParameters: [{ Key: "from", Value: "connection" }],
        },
      },
    },
    "http://example.test/*/x?q=endpoint",
    {
      ...target,
      HttpParameters: {
        PathParameterValues: ["../a"],
        HeaderParameters: { "x-who": "target", Authorization: "mine", Host: "other", "Content-Length": "1" },
        QueryStringParameters: { q: "target", r: "&" },
      },
    },
    '{"from": "event", "n": 1}',
  );
  expect(url).toBe("http://example.test/..%2Fa/x?q=connection&r=%26");
  expect(headers).toMatchObject({ "x-who": "connection", authorization: `Basic ${btoa("u:p")}` });
  expect(Object.keys(headers)).not.toContain("host");
  expect(Object.keys(headers)).not.toContain("content-length");
  expect(JSON.parse(body)).toEqual({ from: "connection", n: 1 });
});

test("a text that is no object has no room for parameters of the connection", () => {
  const spec = {
    AuthorizationType: "API_KEY" as const,
    AuthParameters: {
      ApiKeyAuthParameters: { ApiKeyName: "X-Key", ApiKeyValue: "v" },
      InvocationHttpParameters: { BodyParameters: [{ Key: "a", Value: "b" }] },
    },
  };
  expect(requestOf(spec, "http://example.test/", target, '"text"').body).toBe('"text"');
});
