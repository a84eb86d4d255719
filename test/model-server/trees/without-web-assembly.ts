/** What a function gives where no memory for WebAssembly can be had. */
export function withoutWebAssembly<T>(load: () => T): T {
  const { WebAssembly: api } = globalThis as { WebAssembly?: { Memory: unknown } };
  if (!api) return load();
  const { Memory } = api;
  api.Memory = function refuse() {
    throw new RangeError("WebAssembly.Memory(): could not allocate memory");
  };
  try {
    return load();
  } finally {
    api.Memory = Memory;
  }
}
