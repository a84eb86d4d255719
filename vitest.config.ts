import { defineConfig } from "vitest/config";

/** Where `.ci/run` wants the counts, besides what is printed. */
const report = process.env["TIDEWAY_TEST_REPORT"];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    isolate: false,
    pool: "forks",
    // Many tests wait for processes that they start, and half of the machine would stand idle.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: report ? ["default", "json"] : ["default"],
    ...(report && { outputFile: { json: report } }),
  },
});
