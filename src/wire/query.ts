/** AWS Query: form-encoded requests, XML responses. */
import { XmlCodec, XmlShapeDeserializer } from "@aws-sdk/core/protocols";
import type { StaticStructureSchema } from "@smithy/types";
import { Fault, type HttpRequest, type HttpResponse } from "./http.ts";
import { encode, type Failure, type Protocol } from "./protocol.ts";
import type { Operation, Service } from "./service.ts";

const DATE_TIME = 5;
const SETTINGS = {
  timestampFormat: { useTrait: true, default: DATE_TIME },
  httpBindings: false,
  xmlNamespace: "",
  serviceNamespace: "",
} as const;

/** The protocol of STS, IAM and SNS: `Action` and `Version` name the operation. */
export class AwsQuery implements Protocol {
  readonly dialect = "query";

  speaks({ form }: HttpRequest): boolean {
    return form?.has("Action") ?? false;
  }

  match({ form }: HttpRequest, service: Service): Operation | string | undefined {
    const name = form?.get("Action");
    if (!form || !name || form.get("Version") !== service.version) return undefined;
    return service.operations.get(name) ?? name;
  }

  async read(operation: Operation, { form }: HttpRequest): Promise<Record<string, unknown>> {
    const input = tree(form ?? new URLSearchParams());
    return (
      ((await new XmlShapeDeserializer(SETTINGS).readSchema(operation.input, input)) as
        | Record<string, unknown>
        | undefined) ?? {}
    );
  }

  write({ name, output, service }: Operation, value: object, requestId: string): HttpResponse {
    const result = output.isUnitSchema()
      ? ""
      : String(
          encode(
            new XmlCodec(SETTINGS),
            renamed(output.getSchema() as StaticStructureSchema, `${name}Result`),
            value,
          ),
        );
    const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
    return xml(200, `<${name}Response xmlns="${service.namespace}">${result}${metadata}</${name}Response>`);
  }

  fail(service: Service, { queryCode, fault, status, message }: Failure, requestId: string): HttpResponse {
    const told = { Type: fault === "client" ? "Sender" : "Receiver", Code: queryCode, Message: message };
    const error = String(encode(new XmlCodec(SETTINGS), ERROR, told));
    return xml(
      status,
      `<ErrorResponse xmlns="${service.namespace}">${error}<RequestId>${requestId}</RequestId></ErrorResponse>`,
    );
  }
}

const ERROR = [3, "", "Error", 0, ["Type", "Code", "Message"], [0, 0, 0]];
const renamed = (schema: StaticStructureSchema, name: string) => schema.with(2, name);
const xml = (status: number, body: string): HttpResponse => ({
  status,
  headers: { "content-type": "text/xml" },
  body,
});

type Tree = { [key: string]: Tree | string };
const MAX_PATH = 32;

/** `A.member.1.B=x` as the object that an XML parser would have made of the same input. */
function tree(form: URLSearchParams): unknown {
  const root = Object.create(null) as Tree;
  for (const [key, value] of form) {
    const path = key.split(".");
    const leaf = path.pop() ?? "";
    if (path.length > MAX_PATH)
      throw new Fault("MalformedQueryString", `The parameter ${key.slice(0, 100)} is nested too deeply.`);
    let node = root;
    for (const part of path) {
      const next = (node[part] ??= Object.create(null) as Tree);
      if (typeof next === "string")
        throw new Fault(
          "MalformedQueryString",
          `The parameter ${key} is given both as a value and as a structure.`,
        );
      node = next;
    }
    node[leaf] = value;
  }
  return arrays(root);
}

/** Numbered keys are lists. */
function arrays(node: Tree | string): unknown {
  if (typeof node === "string") return node;
  const entries = Object.entries(node).map(([key, value]) => [key, arrays(value)] as const);
  if (entries.length && entries.every(([key]) => /^[1-9]\d*$/.test(key)))
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value);
  return Object.fromEntries(entries);
}
