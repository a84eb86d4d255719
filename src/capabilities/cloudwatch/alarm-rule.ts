/** AlarmRule of composite alarms: `(ALARM(cpu) OR ALARM("disk full")) AND NOT OK(deploy)`. */
import type { AlarmState } from "./kinds.ts";

export type Rule =
  | { readonly kind: "constant"; readonly value: boolean }
  /** Whether the alarm of this name is in this state. */
  | { readonly kind: "state"; readonly state: AlarmState; readonly alarm: string }
  | { readonly kind: "not"; readonly operand: Rule }
  | { readonly kind: "and" | "or"; readonly operands: readonly Rule[] };

/** Why a text is no rule. */
export class RuleError extends Error {
  override readonly name = "RuleError";
}

const MOST_ELEMENTS = 500;
const MOST_CHILDREN = 100;
const DEEPEST = 100;

/** `nameOf` reads the name of an alarm, or its ARN, as a name. */
export function parseRule(text: string, nameOf: (reference: string) => string): Rule {
  const rule = new RuleParser(text, nameOf).whole();
  if (childrenOf(rule).length > MOST_CHILDREN)
    throw new RuleError(`a rule can refer to up to ${MOST_CHILDREN} alarms`);
  return rule;
}

/** The names of the alarms in a rule, each once. */
export function childrenOf(rule: Rule): string[] {
  const names = (one: Rule): string[] => {
    if (one.kind === "state") return [one.alarm];
    if (one.kind === "not") return names(one.operand);
    return one.kind === "constant" ? [] : one.operands.flatMap(names);
  };
  return [...new Set(names(rule))];
}

/** Whether a rule holds; an alarm that does not exist is in no state. */
export function holds(rule: Rule, stateOf: (alarm: string) => AlarmState | undefined): boolean {
  switch (rule.kind) {
    case "constant":
      return rule.value;
    case "state":
      return stateOf(rule.alarm) === rule.state;
    case "not":
      return !holds(rule.operand, stateOf);
    case "and":
      return rule.operands.every((one) => holds(one, stateOf));
    default:
      return rule.operands.some((one) => holds(one, stateOf));
  }
}

/** No part of it can match what the next one can: a hostile text costs no more than its length. */
const FUNCTION = /(ALARM|OK|INSUFFICIENT_DATA)\s*\((?:([^"()]*)|\s*"([^"]*)"\s*)\)/y;
const WORD = /[A-Za-z_]+|\(|\)/y;

class RuleParser {
  readonly #text: string;
  readonly #nameOf: (reference: string) => string;
  #at = 0;
  #elements = 0;
  #depth = 0;

  constructor(text: string, nameOf: (reference: string) => string) {
    this.#text = text;
    this.#nameOf = nameOf;
    this.#skipSpace();
  }

  whole(): Rule {
    const rule = this.#either();
    if (this.#at < this.#text.length) throw this.#unexpected();
    return rule;
  }

  #either(): Rule {
    return this.#chain("or", "OR", () => this.#chain("and", "AND", () => this.#not()));
  }

  #chain(kind: "and" | "or", word: string, read: () => Rule): Rule {
    const operands = [read()];
    while (this.#take(word)) operands.push(read());
    return operands.length === 1 ? operands[0]! : { kind, operands };
  }

  #not(): Rule {
    if (++this.#depth > DEEPEST) throw new RuleError(`it is nested more than ${DEEPEST} levels deep`);
    const rule: Rule = this.#take("NOT") ? { kind: "not", operand: this.#not() } : this.#element();
    this.#depth--;
    return rule;
  }

  #element(): Rule {
    if (++this.#elements > MOST_ELEMENTS) throw new RuleError(`it has more than ${MOST_ELEMENTS} elements`);
    FUNCTION.lastIndex = this.#at;
    const match = FUNCTION.exec(this.#text);
    if (match) {
      const [, state, bare = "", quoted] = match;
      const reference = quoted ?? bare.trim();
      if (!reference) throw new RuleError(`${state} names no alarm at character ${this.#at + 1}`);
      this.#at = FUNCTION.lastIndex;
      this.#skipSpace();
      return { kind: "state", state: state as AlarmState, alarm: this.#nameOf(reference) };
    }
    if (this.#take("TRUE")) return { kind: "constant", value: true };
    if (this.#take("FALSE")) return { kind: "constant", value: false };
    if (!this.#take("(")) throw this.#unexpected();
    const inner = this.#either();
    if (!this.#take(")")) throw this.#unexpected();
    return inner;
  }

  #take(word: string): boolean {
    WORD.lastIndex = this.#at;
    // AWS's own texts write the words in either case
    if (WORD.exec(this.#text)?.[0]?.toUpperCase() !== word) return false;
    this.#at = WORD.lastIndex;
    this.#skipSpace();
    return true;
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && /\s/.test(this.#text[this.#at]!)) this.#at++;
  }

  #unexpected(): RuleError {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    return new RuleError(
      rest ? `it is not understood at character ${this.#at + 1}: '${rest}'` : "it ends too early",
    );
  }
}
