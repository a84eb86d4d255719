import { expect, test } from "vitest";
import { violations } from "../../scripts/check-imports.ts";

const from = (...targets: string[]) => targets.map((target) => `import { x } from "${target}";`).join("\n");

test.each([
  ["src/wire/server.ts", "../base/clock.ts"],
  ["src/wire/server.ts", "./rpc.ts"],
  ["src/base/sqlite/database.ts", "node:sqlite"],
  ["src/state/data-folder.ts", "node:sqlite"],
  ["src/capabilities/hosting/operations.ts", "../../state/store.ts"],
  ["src/capabilities/batch-transform/controller.ts", "../hosting/kinds.ts"],
  ["src/capabilities/hosting/operations.ts", "./deployment/canary.ts"],
  ["src/main.ts", "./capabilities/hosting/operations.ts"],
  ["src/wire/server.ts", "node:http"],
])("%s may import %s", (file, target) => {
  expect(violations(file, from(target))).toEqual([]);
});

test.each([
  ["src/base/clock.ts", "../state/store.ts", "base may not import state"],
  ["src/wire/server.ts", "../state/store.ts", "wire may not import state"],
  ["src/dataplane/router.ts", "../state/store.ts", "dataplane may not import state"],
  ["src/model-server/main.ts", "../wire/http.ts", "model-server may not import wire"],
  ["src/cli/commands/rm.ts", "../../main.ts", "cli may not import main"],
  ["src/wire/server.ts", "node:sqlite", "only base, state may import node:sqlite"],
  ["src/dataplane/router.ts", "onnxruntime-node", "only model-server may import onnxruntime-node"],
  [
    "src/capabilities/batch-transform/controller.ts",
    "../hosting/controller.ts",
    "a capability reads another one's kinds.ts only, not capabilities/hosting/controller.ts",
  ],
  ["src/attic/old.ts", "../base/clock.ts", "the room attic has no rule"],
])("%s may not import %s", (file, target, sentence) => {
  expect(violations(file, from(target))).toEqual([expect.stringContaining(`${file}: ${sentence}`)]);
});

test("every forbidden import is told, however it is written", () => {
  const source = [
    'import type { A } from "../state/a.ts";',
    "import {",
    "  B,",
    "  C,",
    '} from "../state/b.ts";',
    'export * from "../state/c.ts";',
    'export { D } from "../state/d.ts";',
    'import { fine } from "../base/clock.ts";',
  ].join("\n");
  const told = violations("src/wire/x.ts", source).map((one) => /\((.+)\)$/.exec(one)?.[1]);
  expect(told).toEqual(["a", "b", "c", "d"].map((name) => `../state/${name}.ts`));
});
