import { defineConfig } from "vitest/config";

/** Where `.ci/run` wants the counts, besides what is printed. */
const report = process.env["TIDEWAY_TEST_REPORT"];

const common = { isolate: false, pool: "forks", testTimeout: 60_000, hookTimeout: 60_000 } as const;

export default defineConfig({
  test: {
    reporters: report ? ["default", "json"] : ["default"],
    ...(report && { outputFile: { json: report } }),
    projects: [
      {
        test: {
          ...common,
          name: "parts",
          include: ["test/**/*.test.ts"],
          exclude: ["test/faults/**"],
          // Many tests wait for processes that they start, and half of the machine would stand idle.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          // Kills and overload of real processes under load: one file at a time, and a fault that is seen once and not
          // again is the machine's; the output says which tests were run twice.
          maxWorkers: 1,
          retry: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
