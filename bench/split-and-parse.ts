/** The baseline of batch transform: a process that cuts a stretch of a CSV file into payloads, reads their numbers, and ends. */
import { createReadStream } from "node:fs";
import { contiguous, type Payload } from "../src/capabilities/batch-transform/records/payload.ts";
import { RecordPlan } from "../src/capabilities/batch-transform/records/record-plan.ts";
import { parseCsvNumbers } from "../src/model-server/codecs/csv-numbers.ts";

const [file = "", start = "", end = ""] = process.argv.slice(2);
const plan = new RecordPlan({
  input: { ContentType: "text/csv", SplitType: "Line" },
  output: { AssembleWith: "Line" },
  strategy: "MultiRecord",
  payloadBytes: 6 * 1024 ** 2,
});
const cutter = plan.cutter();
let rows = 0;
const parse = (payload: Payload) => (rows += parseCsvNumbers(contiguous(payload.body), false, false).rows);
const bytes = createReadStream(file, { start: Number(start), end: Number(end) - 1 });
for await (const chunk of bytes) for (const payload of cutter.push(chunk as Buffer)) parse(payload);
for (const payload of cutter.end()) parse(payload);
process.send?.(rows);
