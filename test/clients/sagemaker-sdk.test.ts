import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { has, Session } from "../journeys/session.ts";

/** A Python that has the SDK: TIDEWAY_TEST_SAGEMAKER_PYTHON names one of an environment of its own. */
const python = process.env["TIDEWAY_TEST_SAGEMAKER_PYTHON"] ?? "python3";
const sdk = has(python, "-c", "import sagemaker.model");
const root = fileURLToPath(new URL("../..", import.meta.url));

test.skipIf(!sdk)(
  `notebooks' models deploy with the SageMaker Python SDK as it is${sdk ? "" : " (needs the SageMaker Python SDK, version 2)"}`,
  { timeout: 180_000 },
  async () => {
    await using session = await Session.start();
    const work = await mkdtemp(join(tmpdir(), "tideway-sdk-"));
    try {
      const script = join(root, "test/clients/sagemaker-sdk.py");
      const { code, out, err } = await session.run(python, [script, root, work]);
      expect([code, code === 0 ? "" : err]).toEqual([0, ""]);
      const seen = JSON.parse(out.trim().split("\n").at(-1)!) as Record<string, unknown>;
      const expected = JSON.parse(
        readFileSync(join(root, "examples/models/breast-cancer-xgboost/expected.json"), "utf8"),
      ) as { predictions: number[] };
      expect(seen["xgboost"]).toBeCloseTo(expected.predictions[0]!, 5);
      expect(seen).toMatchObject({ sklearn: [2, 4], pytorch: [2, 4] });
    } finally {
      await rm(work, { recursive: true });
    }
  },
);
