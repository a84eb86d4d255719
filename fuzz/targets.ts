/** The parsers that are fuzzed, each with the files under `src/` whose branches count. */
export const TARGETS: Readonly<Record<string, readonly string[]>> = {
  csv: ["model-server/codecs/csv-numbers", "model-server/codecs/csv"],
  "request-body": ["model-server/codecs/", "model-server/content-types"],
  ubjson: ["model-server/trees/"],
};
