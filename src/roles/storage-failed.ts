import type { Log } from "../base/log.ts";

/** Ends the process when what it wrote may be lost. */
export const storageFailed =
  (log: Log) =>
  (error: Error): never => {
    log.error("The storage failed; control ends, so that it promises nothing that it can not keep.", {
      error,
    });
    process.exit(74);
  };
