/** Filters and joins of a transform job: paths, records and answers of any form give rows of their format, or a named error. */
import { RecordError } from "../../src/capabilities/batch-transform/records/record-error.ts";
import {
  InvalidRecordSettings,
  RecordPlan,
} from "../../src/capabilities/batch-transform/records/record-plan.ts";
import { attempt, type FuzzTarget, Finding, same } from "../target.ts";

const TYPES = ["text/csv", "application/jsonlines", "application/json"];

/** The type, then the paths of both filters, the object and the answer, with zero bytes between. */
export const target: FuzzTarget = {
  seeds: [
    '0$[1:]\0$[0,-1]\x001,2,3\n4,"5,\n",6\n\x000.5\n0.6\n',
    "0$\0$[-2:1,0]\0a,b\r\n\0c,d\n",
    '1$.f\0$[\'id\',\'SageMakerOutput\']\0{"id":1e400,"f":[1,{}]}\n{"f":0,"id":"\\u0041\\""}\n\0{"a":1}\n[2]',
    '1$.*\0$.SageMakerOutput[0]\0{"SageMakerOutput": 1, "b": [ ]}\0[1,2]',
    '2$\0$\0[1]\n{"a" : {} }\0[0.1, {"x":[]}]',
    "2$.a.['b', 'c'][ 1 ]\0$[*]\0{}\0[]",
  ],
  dictionary: ["$", "[*]", "['", "']", "SageMakerOutput", "[-1]", "[1:]", "\0", "\n", '"', "\\u0041", "null"],
  run(input) {
    const [head = "", output = "", object = "", answer = ""] = input.toString("latin1").split("\0");
    const type = TYPES[head.charCodeAt(0) % TYPES.length]!;
    const { value: plan } = attempt(
      () =>
        new RecordPlan({
          input: { ContentType: type, SplitType: "Line" },
          output: { AssembleWith: "Line" },
          processing: { InputFilter: head.slice(1), OutputFilter: output, JoinSource: "Input" },
          strategy: "MultiRecord",
          payloadBytes: 1 << 20,
        }),
      InvalidRecordSettings,
    );
    if (!plan) return;
    const cutter = plan.cutter();
    const { value: payloads } = attempt(
      () => [...cutter.push(Buffer.from(object, "latin1")), ...cutter.end()],
      RecordError,
    );
    for (const payload of payloads ?? []) {
      const { value: request } = attempt(() => plan.request(payload), RecordError);
      const { value: written } = attempt(
        () => plan.answer(payload, Buffer.from(answer, "latin1")),
        RecordError,
      );
      if (request) rows("of the request", type, Buffer.concat(request), payload.records, head.slice(1));
      if (written) rows("of the output", type, Buffer.concat(written), payload.records, output);
    }
  },
};

function rows(what: string, type: string, bytes: Buffer, records: number, path: string): void {
  if (type !== "text/csv") {
    // what no filter touches passes as it is
    if (what === "of the request" && (path === "" || path === "$")) return;
    const lines = bytes.toString().split("\n");
    same(`the end ${what}`, lines.pop(), "");
    same(`rows ${what}`, lines.length, records);
    for (const line of lines) JSON.parse(line);
    return;
  }
  let quoted = false;
  for (const byte of bytes) if (byte === 34) quoted = true;
  if (quoted) return;
  const lines = bytes.toString("latin1").split("\n");
  // a column that is empty may be all of a row
  if (what === "of the output" && lines.length - 1 !== records)
    throw new Finding(`${lines.length - 1} rows ${what}, not ${records}`);
}
