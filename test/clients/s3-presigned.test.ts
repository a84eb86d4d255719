import * as sdk from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type S3Server, startS3 } from "../capabilities/s3/s3-server.ts";

let server: S3Server;
let s3: sdk.S3Client;
const at = { Bucket: "presigned", Key: "dir/a b+ü.csv" };
beforeAll(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new sdk.CreateBucketCommand({ Bucket: at.Bucket }));
});
afterAll(() => server[Symbol.asyncDispose]());

test("the presigner's URLs put and get", async () => {
  const put = await getSignedUrl(s3, new sdk.PutObjectCommand({ ...at, ContentType: "text/csv" }), {
    expiresIn: 60,
  });
  expect(
    (await fetch(put, { method: "PUT", body: "1,2", headers: { "content-type": "text/csv" } })).status,
  ).toBe(200);
  const get = await getSignedUrl(
    s3,
    new sdk.GetObjectCommand({ ...at, ResponseContentDisposition: "attachment" }),
  );
  const answer = await fetch(get);
  expect(answer.headers.get("content-type")).toBe("text/csv");
  expect(answer.headers.get("content-disposition")).toBe("attachment");
  expect(await answer.text()).toBe("1,2");
  const ranged = await fetch(get, { headers: { range: "bytes=2-" } });
  expect([ranged.status, await ranged.text()]).toEqual([206, "2"]);
});

test("a URL holds for its method, key and query only", async () => {
  const get = await getSignedUrl(s3, new sdk.GetObjectCommand(at));
  expect((await fetch(get, { method: "DELETE" })).status).toBe(403);
  expect((await fetch(get, { method: "PUT", body: "x" })).status).toBe(403);
  expect((await fetch(get.replace("a%20b", "a%20c"))).status).toBe(403);
  expect((await fetch(`${get}&response-content-type=text/html`)).status).toBe(403);
  expect((await fetch(get.replace("X-Amz-Expires=900", "X-Amz-Expires=901"))).status).toBe(403);
  expect((await fetch(get)).status).toBe(200);
});
