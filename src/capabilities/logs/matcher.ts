import { invalid } from "./faults.ts";
import { InvalidPattern } from "./pattern/expression.ts";
import { type Matcher, parsePattern } from "./pattern/filter-pattern.ts";

/** The pattern of a request; one that can not be read is told as AWS tells it. */
export function matcherOf(pattern: string | undefined): Matcher {
  try {
    return parsePattern(pattern);
  } catch (error) {
    if (error instanceof InvalidPattern) throw invalid(`Invalid filter pattern: ${error.message}`);
    throw error;
  }
}
