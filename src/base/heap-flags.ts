/**
 * How Node is started where bodies of requests pass through: V8 counts their buffers against a heap that is small here,
 * and would otherwise look through all of it for every few megabytes that come, which costs more than the requests do.
 */
export const HEAP_FLAGS: readonly string[] = ["--initial-old-space-size=128"];
