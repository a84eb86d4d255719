/** What to type to run this very program: from a clone it is not on the PATH. */
export const PROGRAM = import.meta.url.endsWith(".ts") ? "bin/tideway" : "tideway";
