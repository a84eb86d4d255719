import { defineConfig } from "vitest/config";

/** Where `.ci/run` wants the counts, besides what is printed. */
const report = process.env["TIDEWAY_TEST_REPORT"];

const common = {
  isolate: false,
  pool: "forks",
  testTimeout: 60_000,
  hookTimeout: 60_000,
} as const;

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
          // Kills and overload of real processes: each has the machine to itself.
          maxWorkers: 1,
          // They meet moments of a busy machine: what fails is run once more, and the output names it.
          retry: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
