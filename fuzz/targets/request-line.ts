/** The request line and the host: which endpoint, which path of the container, which bucket, which operation. */
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import * as s3 from "@aws-sdk/client-s3";
import { containerPath } from "../../src/gateway/container-path.ts";
import { invocationTarget } from "../../src/gateway/invocation-target.ts";
import { Hosts } from "../../src/wire/hosts.ts";
import { bodyOf, Fault, type HttpRequest } from "../../src/wire/http.ts";
import { ServiceError } from "../../src/wire/service-error.ts";
import { findRoute } from "../../src/wire/routes.ts";
import { Service, type ServiceSettings } from "../../src/wire/service.ts";
import { attempt, type FuzzTarget, Finding, same } from "../target.ts";

const settings = { region: "us-east-1", credentials: { accessKeyId: "-", secretAccessKey: "-" } };
const service = (sdk: object, client: { config: unknown }) =>
  new Service(sdk, "", client.config as ServiceSettings);
const SERVICES = [
  service(runtime, new runtime.SageMakerRuntimeClient(settings)),
  service(s3, new s3.S3Client(settings)),
];
const ALLOWED = ["tide.example", "10.0.0.1"];
const HOSTS = new Hosts(ALLOWED, ["https://console.example"]);
const SERVED = ["127.0.0.1", "localhost", "[::1]", ...ALLOWED];

/** `METHOD target\nhost\norigin` */
export const target: FuzzTarget = {
  seeds: [
    "POST /endpoints/tide/invocations\nlocalhost:8080\n",
    "POST /endpoints/tide/invocations-response-stream\n127.0.0.1\nhttp://127.0.0.1",
    "POST /endpoints/tide/openai/v1/chat/completions?a=b&X-Amz-Date=1\ntide.example\n",
    "GET /endpoints/tide/inference-components/one/openai/v1/models\n[::1]:1\nhttps://console.example",
    "PUT /bucket/a/key?partNumber=1&uploadId=2\nbucket.tide.example:80\n",
    "GET /bucket?list-type=2&prefix=%2F\nlocalhost\n",
  ],
  dictionary: [
    "%2e",
    "%2E%2e",
    "..",
    "/../",
    "//",
    "%2f",
    "%5C",
    "\\",
    "?",
    "#",
    "@",
    ";",
    "%00",
    "openai/v1/",
    ".tide.example",
    "localhost.",
  ],
  maxLength: 512,
  run(input) {
    const [line = "", host, origin] = input.toString("latin1").split("\n");
    const space = line.indexOf(" ");
    const [method, url] = [line.slice(0, space), line.slice(space + 1)];
    // what Node's parser lets through
    if (space < 0 || !/^\/[\x21-\x7e\x80-\xff]*$/.test(url)) return;
    const mark = url.indexOf("?");
    const [path, rawQuery] = mark < 0 ? [url, ""] : [url.slice(0, mark), url.slice(mark + 1)];
    const request: HttpRequest = {
      method,
      path,
      rawQuery,
      query: new URLSearchParams(rawQuery),
      headers: { ...(host && { host }), ...(origin && { origin }) },
      body: bodyOf(Buffer.alloc(0)),
    };
    invocation(method, url, rawQuery);
    hosts(request);
    for (const one of SERVICES) {
      const route = findRoute(request, one);
      if (route) same("the method of its route", route.operation.http?.[0], method);
    }
  },
};

/** Told apart from a slow reading of the same line. */
function invocation(method: string, url: string, rawQuery: string): void {
  const found = invocationTarget(method, url);
  const [, endpoint, , component] =
    /^\/endpoints\/([^/?]+)\/(inference-components\/([^/?]+)\/)?openai\/v1\/[^?]*/.exec(url) ?? [];
  const plain =
    method === "POST" && /^\/endpoints\/([^/?]+)\/invocations(-response-stream)?(\?.*)?$/.exec(url);
  const expected = plain ? plain[1] : method === "POST" || method === "GET" ? endpoint : undefined;
  same("endpoint", found?.endpoint, expected);
  if (found?.kind !== "openai") return;
  same("component", found.inferenceComponent, component);
  const { value } = attempt(() => containerPath(found.path, rawQuery), ServiceError);
  if (value === undefined) return;
  const { pathname } = new URL(`http://container${value}`);
  if (
    !pathname.startsWith("/v1/") ||
    /\/\.{1,2}(\/|$)/.test(decodeURIComponent(pathname.replace(/%(?![0-7][0-9a-f])/gi, "%25")))
  )
    throw new Finding(`the container is asked for ${pathname}`);
  if (/(?:^\?|&)X-Amz-/i.test(value.slice(found.path.length)))
    throw new Finding(`the container sees the signature: ${value}`);
}

function hosts(request: HttpRequest): void {
  const { refusal } = attempt(() => HOSTS.admit(request), Fault);
  const { path } = HOSTS.pathStyle(request);
  if (refusal) return;
  const { host = "", origin } = request.headers;
  const name = host.toLowerCase().replace(/:\d*$/, "");
  if (!SERVED.includes(name) && !name.endsWith(".tide.example") && !name.endsWith(".localhost"))
    throw new Finding(`the host ${name} is let in`);
  if (origin && !["https://console.example", `http://${host}`, `https://${host}`].includes(origin))
    throw new Finding(`the origin ${origin} is let in`);
  if (SERVED.includes(name)) same("path", path, request.path);
}
