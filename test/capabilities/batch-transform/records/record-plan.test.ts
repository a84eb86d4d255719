import { describe, expect, test } from "vitest";
import type { Payload } from "../../../../src/capabilities/batch-transform/records/payload.ts";
import {
  InvalidRecordSettings,
  RecordPlan,
  type RecordSettings,
} from "../../../../src/capabilities/batch-transform/records/record-plan.ts";

type Changes = Partial<RecordSettings["input"] & RecordSettings["output"]> &
  RecordSettings["processing"] &
  Partial<Pick<RecordSettings, "strategy" | "payloadBytes" | "stamp">>;

/** A job on lines of CSV, joined as told. */
function plan(changes: Changes = {}): RecordPlan {
  const { ContentType = "text/csv", SplitType = "Line", AssembleWith = "Line", Accept, ...more } = changes;
  const { strategy = "MultiRecord", payloadBytes = 1000, stamp, ...processing } = more;
  return new RecordPlan({
    input: { ContentType, SplitType },
    output: { Accept, AssembleWith },
    processing,
    strategy,
    payloadBytes,
    stamp,
  });
}

function cut(of: RecordPlan, object: string): Payload[] {
  const cutter = of.cutter();
  return [...cutter.push(Buffer.from(object)), ...cutter.end()];
}

/** What the model gets, and what is written when it answers so. */
function through(of: RecordPlan, object: string, ...answers: string[]) {
  const payloads = cut(of, object);
  return {
    requests: payloads.map((payload) => of.request(payload).join("")),
    output: payloads
      .flatMap((payload, index) => of.answer(payload, Buffer.from(answers[index] ?? "")))
      .join(""),
  };
}

describe("without filters and joins", () => {
  test("bytes pass as they are, with a newline where it is asked for and missing", () => {
    const single = plan({ strategy: "SingleRecord" });
    expect(through(single, "1\r\n2", "a", "b\n")).toEqual({ requests: ["1", "2"], output: "a\nb\n" });
    expect(through(plan({ AssembleWith: "None" }), "1\r\n2", "\xff")).toEqual({
      requests: ["1\r\n2"],
      output: "\xff",
    });
    expect([plan().tail(undefined), plan().tail(10), plan({ AssembleWith: "None" }).tail(65)].join("|")).toBe(
      "\n||",
    );
  });

  test("any content type and any split will do", () => {
    for (const SplitType of ["None", "Line", "RecordIO", "TFRecord"] as const)
      expect(plan({ ContentType: "application/x-image", SplitType, AssembleWith: "None" }).rowwise).toBe(
        false,
      );
  });

  test("an object streams only where nobody looks at its records", () => {
    expect(plan({ payloadBytes: 0 }).streams).toBe(true);
    expect(plan({ payloadBytes: 0, SplitType: "None", strategy: "SingleRecord" }).streams).toBe(true);
    expect(plan({ payloadBytes: 0, strategy: "SingleRecord" }).streams).toBe(false);
    expect(plan({ payloadBytes: 0, InputFilter: "$[1:]" }).streams).toBe(false);
    expect(plan({ payloadBytes: 0, JoinSource: "Input" }).streams).toBe(false);
    expect(plan().streams).toBe(false);
  });

  test("the records of a payload can go one by one, framing and all", () => {
    const of = plan();
    const [payload] = cut(of, 'a\r\n\n"b\n"\nc');
    expect(of.singles(payload!)).toMatchObject([
      { start: { offset: 0, record: 1 }, end: { offset: 3, record: 2 }, body: [Buffer.from("a\r\n")] },
      { start: { offset: 4, record: 2 }, body: [Buffer.from('"b\n"\n')] },
      { start: { offset: 9, record: 3 }, end: { offset: 10, record: 4 }, body: [Buffer.from("c")] },
    ]);
  });
});

describe("text/csv", () => {
  test("AWS's example: the ID stays behind and comes back with the result", () => {
    const of = plan({ InputFilter: "$[1:]", JoinSource: "Input", OutputFilter: "$[0,-1]" });
    expect(through(of, '7,1.50,2\r\n\n8,"3",4', "0.1\n0.9\n")).toEqual({
      requests: ['1.50,2\n"3",4\n'],
      output: "7,0.1\n8,0.9\n",
    });
  });

  test("a join keeps every field as it is written", () => {
    const of = plan({ ContentType: "Text/CSV; charset=utf-8", Accept: "text/csv", JoinSource: "Input" });
    expect(through(of, '1.50,"a\nb"\r\n"\xe9"', '"x\ny",1\r\n2').output).toBe(
      '1.50,"a\nb","x\ny",1\n"\xe9",2\n',
    );
  });

  test("without a join OutputFilter takes columns of the answer", () => {
    expect(through(plan({ OutputFilter: "$[-1]" }), "1\n2\n", "a,b\nc,d\n").output).toBe("b\nd\n");
    expect(through(plan({ OutputFilter: "$[*]", JoinSource: "None" }), "1\n2\n", "a,b").output).toBe("a,b\n");
  });

  test("a stamp follows what the filter left", () => {
    const stamp = (record: number) => ({ id: `id-${record}`, time: "2026-01-02T03:04:05Z" });
    expect(through(plan({ stamp, OutputFilter: "$[0]" }), "1\n2", "a,b\nc,d").output).toBe(
      "a,id-1,2026-01-02T03:04:05Z\nc,id-2,2026-01-02T03:04:05Z\n",
    );
  });

  test.each([
    [
      "too few rows",
      "0.1\n",
      "Record 1, which begins at byte 0, begins a payload of 2 records, but the model answered 1 row.",
    ],
    [
      "too many",
      "1\n2\n3\n",
      "Record 1, which begins at byte 0, begins a payload of 2 records, but the model answered 3 rows.",
    ],
    [
      "none",
      "",
      "Record 1, which begins at byte 0, begins a payload of 2 records, but the model answered 0 rows.",
    ],
  ])("%s", (_, answer, message) => {
    const of = plan({ JoinSource: "Input", OutputFilter: "$[2]" });
    expect(() => through(of, "1,2\n\n\n3,4\n", answer)).toThrow(message);
  });

  test("a column that is not there fails its record", () => {
    expect(() =>
      through(plan({ JoinSource: "Input", OutputFilter: "$[2]" }), "1,2\n\n\n3\n", "a\nb"),
    ).toThrow("Record 2, which begins at byte 6, has 2 columns, and so none with the index 2.");
  });

  test("a filter that matches nothing fails at the first record", () => {
    expect(() => through(plan({ InputFilter: "$[5:]" }), "1,2\n")).toThrow(
      "Record 1, which begins at byte 0, has 2 columns, none of them in the range of the filter.",
    );
  });
});

describe("application/jsonlines", () => {
  const ContentType = "application/jsonlines";

  test("AWS's example: features in, the ID and the result out", () => {
    const of = plan({
      ContentType,
      InputFilter: "$.features",
      JoinSource: "Input",
      OutputFilter: "$['id','SageMakerOutput']",
    });
    expect(
      through(
        of,
        '{"id":9007199254740993,"features":[1,2.0]}\r\n\n{"features":[3],"id":"b"}',
        '{"label":1}\n[0.5]',
      ),
    ).toEqual({
      requests: ["[1,2.0]\n[3]\n"],
      output: '{"id":9007199254740993,"SageMakerOutput":{"label":1}}\n{"id":"b","SageMakerOutput":[0.5]}\n',
    });
  });

  test.each([
    ["an object gets a member", '{ "key": 1 }', '{ "key": 1,"SageMakerOutput":2}\n'],
    ["an empty one too", "{}", '{"SageMakerOutput":2}\n'],
    [
      "in place of one of that name",
      '{"SageMakerOutput":1,"b":"SageMakerOutput"}',
      '{"b":"SageMakerOutput","SageMakerOutput":2}\n',
    ],
    ["anything else is the input", "[1, 2]", '{"SageMakerInput":[1, 2],"SageMakerOutput":2}\n'],
  ])("%s", (_, record, output) => {
    expect(through(plan({ ContentType, JoinSource: "Input" }), record, "2").output).toBe(output);
  });

  test("an answer over several lines takes one in the output", () => {
    const of = plan({ ContentType, JoinSource: "Input", strategy: "SingleRecord" });
    expect(through(of, '{"a":1}', '{\n  "b": "x\\ny"\n}\n').output).toBe(
      '{"a":1,"SageMakerOutput":{ "b": "x\\ny" }}\n',
    );
  });

  test("lines of an object that is not split are joined all the same", () => {
    const of = plan({ ContentType, SplitType: "None", AssembleWith: "None", JoinSource: "Input" });
    expect(through(of, "1\n2\n", "3\n4\n").output).toBe(
      '{"SageMakerInput":1,"SageMakerOutput":3}\n{"SageMakerInput":2,"SageMakerOutput":4}\n',
    );
  });

  test.each([
    [
      "a record that is no JSON",
      '{"a":1}\n{"a":\n',
      "1\n2",
      /^Record 2, which begins at byte 8, is not JSON: /,
    ],
    [
      "an answer that is none",
      '{"a":1}\n{"a":2}\n',
      "1\nno",
      /^Record 1, which begins at byte 0, got an answer of the model that is not JSON: /,
    ],
    [
      "too few values",
      '{"a":1}\n{"a":2}\n',
      "[1,2]",
      /begins a payload of 2 records, but the model answered 1 row\.$/,
    ],
  ])("%s", (_, object, answer, problem) => {
    expect(() => through(plan({ ContentType, JoinSource: "Input" }), object, answer)).toThrow(problem);
  });

  test("invalid UTF-8 is told, with its record", () => {
    const of = plan({ ContentType, JoinSource: "Input" });
    const cutter = of.cutter();
    const object = Buffer.from('{"a":1}\n{"a":"\xff"}\n', "latin1");
    const [payload] = [...cutter.push(object), ...cutter.end()];
    expect(() => of.answer(payload!, Buffer.from("1\n2\n"))).toThrow(
      "Record 2, which begins at byte 8, is not UTF-8.",
    );
    expect(() => of.answer(payload!, Buffer.from([0x22, 0xff, 0x22]))).toThrow(
      "Record 1, which begins at byte 0, got an answer of the model that is not UTF-8.",
    );
  });
});

describe("application/json", () => {
  const ContentType = "application/json";

  test("an object of one value is joined as a whole", () => {
    const of = plan({
      ContentType,
      SplitType: "None",
      AssembleWith: "None",
      InputFilter: "$.x",
      JoinSource: "Input",
    });
    expect(through(of, '{\n "x": [1]\n}\n', "[0.5]\n")).toEqual({
      requests: ["[1]"],
      output: '{\n "x": [1],"SageMakerOutput":[0.5]}',
    });
  });

  test("a record that goes alone gets its whole answer", () => {
    const of = plan({ ContentType, strategy: "SingleRecord", JoinSource: "Input" });
    expect(through(of, '{"a":1}\n{"a":2}\n', "[0.1]", "[\n0.2\n]").output).toBe(
      '{"a":1,"SageMakerOutput":[0.1]}\n{"a":2,"SageMakerOutput":[ 0.2 ]}\n',
    );
  });

  test("records that go together get the elements of an array, or a line each", () => {
    const of = plan({ ContentType, JoinSource: "Input", OutputFilter: "$.SageMakerOutput" });
    expect(through(of, "{}\n{}\n", "[0.1, [2]]").output).toBe("0.1\n[2]\n");
    expect(through(of, "{}\n{}\n", "[1]\n[2]\n").output).toBe("[1]\n[2]\n");
    expect(() => through(of, "{}\n{}\n", "[1]")).toThrow(
      "a payload of 2 records, but the model answered 1 row.",
    );
  });

  test("a stamp makes an object of any value", () => {
    const stamp = () => ({ id: "i", time: "t" });
    expect(through(plan({ ContentType, stamp }), "1\n2", '{"a":1}\n[2]').output).toBe(
      '{"a":1,"SageMakerInferenceId":"i","SageMakerInferenceTime":"t"}\n' +
        '{"SageMakerOutput":[2],"SageMakerInferenceId":"i","SageMakerInferenceTime":"t"}\n',
    );
  });
});

describe("settings that do not go together", () => {
  test.each<[string, Changes, string]>([
    [
      "a path that is none",
      { InputFilter: "$[?]" },
      'Invalid InputFilter: "$[?]". Unexpected "?" in JsonPath at character 3.',
    ],
    [
      "a name in CSV",
      { OutputFilter: "$['id']" },
      `Invalid OutputFilter: "$['id']". A row of "text/csv" has columns, which are taken by index: $[0], $[1:], $[0,-1].`,
    ],
    [
      "steps in CSV",
      { OutputFilter: "$[0][1]" },
      `Invalid OutputFilter: "$[0][1]". A row of "text/csv" has columns, which are taken by index: $[0], $[1:], $[0,-1].`,
    ],
    [
      "another format",
      { ContentType: "application/x-image", InputFilter: "$[1:]" },
      "Invalid DataProcessing: TransformInput.ContentType must be one of text/csv, application/json, application/jsonlines, and is application/x-image.",
    ],
    [
      "no format",
      { ContentType: "", JoinSource: "Input" },
      "Invalid DataProcessing: TransformInput.ContentType must be one of text/csv, application/json, application/jsonlines, and is not given.",
    ],
    [
      "a binary split",
      { SplitType: "RecordIO", JoinSource: "Input" },
      "Invalid DataProcessing: TransformInput.SplitType must be None or Line, and is RecordIO.",
    ],
    [
      "CSV that is not split",
      { SplitType: "None", InputFilter: "$[1:]" },
      "Invalid DataProcessing: text/csv needs TransformInput.SplitType Line.",
    ],
    [
      "another format out",
      { Accept: "application/json", JoinSource: "Input" },
      "Invalid DataProcessing: TransformOutput.Accept must be TransformInput.ContentType, text/csv, and is application/json.",
    ],
    [
      "another assembly",
      { AssembleWith: "None", OutputFilter: "$[0]" },
      "Invalid DataProcessing: TransformOutput.AssembleWith must be TransformInput.SplitType, Line, and is None.",
    ],
  ])("%s", (_, changes, message) => {
    expect(() => plan(changes)).toThrow(new InvalidRecordSettings(message));
  });

  test("a filter of the input alone leaves the output to itself", () => {
    expect(plan({ InputFilter: "$[1:]", Accept: "application/json", AssembleWith: "None" }).rowwise).toBe(
      false,
    );
  });
});
