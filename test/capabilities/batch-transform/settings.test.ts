import { expect, test } from "vitest";
import {
  asksContainer,
  containerParameters,
  settingsOf,
} from "../../../src/capabilities/batch-transform/settings.ts";

test.each([
  ["nothing said", {}, {}, [1, 6, "MultiRecord"]],
  [
    "the request before the container",
    { MaxConcurrentTransforms: 2, MaxPayloadInMB: 3, BatchStrategy: "SingleRecord" },
    { MaxConcurrentTransforms: 9, MaxPayloadInMB: 9, BatchStrategy: "MultiRecord" },
    [2, 3, "SingleRecord"],
  ],
  [
    "the container where the request says 0",
    { MaxConcurrentTransforms: 0 },
    { MaxConcurrentTransforms: 4, MaxPayloadInMB: 10 },
    [4, 10, "MultiRecord"],
  ],
  ["a payload without a limit", { MaxPayloadInMB: 0 }, { MaxPayloadInMB: 10 }, [1, 0, "MultiRecord"]],
  [
    "a container that asks for more than 100 MB",
    {},
    { MaxConcurrentTransforms: 50, MaxPayloadInMB: 10 },
    [10, 10, "MultiRecord"],
  ],
] as const)("%s", (_, request, container, [concurrent, maxPayloadMB, strategy]) => {
  expect(settingsOf(request, container)).toEqual({ concurrent, maxPayloadMB, strategy });
});

test("the container is asked where the request leaves it open", () => {
  expect([{}, { MaxConcurrentTransforms: 0 }, { MaxConcurrentTransforms: 1 }].map(asksContainer)).toEqual([
    true,
    true,
    false,
  ]);
});

test.each([
  [
    '{"MaxConcurrentTransforms":8,"BatchStrategy":"MULTI_RECORD","MaxPayloadInMB":6}',
    { MaxConcurrentTransforms: 8, BatchStrategy: "MultiRecord", MaxPayloadInMB: 6 },
  ],
  ['{"MaxConcurrentTransforms":0,"BatchStrategy":"ALL","MaxPayloadInMB":101}', {}],
  ['{"MaxConcurrentTransforms":"8","MaxPayloadInMB":-1}', {}],
  ["not json", {}],
  ["null", {}],
])("a container that says %s", (body, parameters) => {
  expect(containerParameters(body)).toEqual(parameters);
});
