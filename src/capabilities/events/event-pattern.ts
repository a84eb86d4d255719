import { BadPattern, type JsonPattern, parseJsonPattern } from "../../base/json-pattern.ts";
import { EventsError } from "./faults.ts";

/** Reads the pattern of a rule; what is wrong with it is told as EventBridge tells it. */
export function readPattern(text: string): JsonPattern {
  try {
    const pattern = parseJsonPattern(text, true);
    if (!pattern.leaves.size && !pattern.nested.size && !pattern.alternatives.length)
      throw new BadPattern("Empty event patterns are not allowed");
    return pattern;
  } catch (error) {
    if (!(error instanceof BadPattern)) throw error;
    throw new EventsError(
      "InvalidEventPatternException",
      `Event pattern is not valid. Reason: ${error.message}`,
    );
  }
}
