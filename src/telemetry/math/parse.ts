/** Metric math as a tree. Each level of the grammar is one entry of LEVELS, from the weakest operator to the strongest. */
import { ExpressionError, type Token, tokens } from "./tokens.ts";

export type Operator = "OR" | "AND" | "<" | "<=" | ">" | ">=" | "==" | "!=" | "+" | "-" | "*" | "/" | "^";

export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly text: string }
  /** The Id of a query, or a word such as REPEAT. */
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "minus"; readonly operand: Expression }
  | {
      readonly kind: "binary";
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: "list"; readonly items: readonly Expression[] };

/** Untrusted text: neither the stack nor the evaluation may grow without a bound. */
const DEEPEST = 50;
const MOST_NODES = 500;

const LEVELS: readonly Readonly<Record<string, Operator>>[] = [
  { OR: "OR", "||": "OR" },
  { AND: "AND", "&&": "AND" },
  { "<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "!=": "!=" },
  { "+": "+", "-": "-" },
  { "*": "*", "/": "/" },
];

/** `SUM(METRICS()) / m1 * 100`; throws ExpressionError. */
export function parseExpression(text: string): Expression {
  return new Parser(tokens(text)).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #nodes = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  whole(): Expression {
    const found = this.#level(0);
    if (this.#peek().kind !== "end") throw this.#unexpected();
    return found;
  }

  #level(index: number): Expression {
    const operators = LEVELS[index];
    if (!operators) return this.#sign();
    let left = this.#level(index + 1);
    for (;;) {
      const { text, kind } = this.#peek();
      const operator = kind === "text" || !Object.hasOwn(operators, text) ? undefined : operators[text];
      if (!operator) return left;
      this.#next++;
      left = this.#node({ kind: "binary", operator, left, right: this.#level(index + 1) });
    }
  }

  #sign(): Expression {
    return this.#deeper(() => {
      if (this.#take("-")) return this.#node({ kind: "minus", operand: this.#sign() });
      if (this.#take("+")) return this.#sign();
      const base = this.#primary();
      return this.#take("^")
        ? this.#node({ kind: "binary", operator: "^", left: base, right: this.#sign() })
        : base;
    });
  }

  #primary(): Expression {
    const token = this.#peek();
    if (token.kind === "end") throw new ExpressionError("Syntax error: the expression ends too early");
    this.#next++;
    if (token.kind === "number") return this.#node({ kind: "number", value: Number(token.text) });
    if (token.kind === "text") return this.#node({ kind: "text", text: token.text });
    if (token.kind === "name")
      return this.#take("(")
        ? this.#node({ kind: "call", name: token.text, args: this.#list(")") })
        : this.#node({ kind: "name", name: token.text });
    if (token.text === "[") return this.#node({ kind: "list", items: this.#list("]") });
    if (token.text === "(") {
      const inner = this.#level(0);
      if (!this.#take(")")) throw this.#unexpected();
      return inner;
    }
    this.#next--;
    throw this.#unexpected();
  }

  #list(end: string): Expression[] {
    const items: Expression[] = [];
    if (this.#take(end)) return items;
    do items.push(this.#level(0));
    while (this.#take(","));
    if (!this.#take(end)) throw this.#unexpected();
    return items;
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(symbol: string): boolean {
    const { kind, text } = this.#peek();
    if (kind !== "symbol" || text !== symbol) return false;
    this.#next++;
    return true;
  }

  #node(node: Expression): Expression {
    if (++this.#nodes > MOST_NODES)
      throw new ExpressionError(`The expression has more than ${MOST_NODES} parts`);
    return node;
  }

  #deeper(read: () => Expression): Expression {
    if (++this.#depth > DEEPEST)
      throw new ExpressionError(`The expression is nested more than ${DEEPEST} levels deep`);
    const found = read();
    this.#depth--;
    return found;
  }

  #unexpected(): ExpressionError {
    const { kind, text, at } = this.#peek();
    if (kind === "end") return new ExpressionError("Syntax error: the expression ends too early");
    return new ExpressionError(`Syntax error at character ${at + 1}: unexpected '${text}'`);
  }
}

/** Every Id that an expression names. */
export function namesIn(expression: Expression): string[] {
  switch (expression.kind) {
    case "name":
      return KEYWORDS.has(expression.name) ? [] : [expression.name];
    case "minus":
      return namesIn(expression.operand);
    case "binary":
      return [...namesIn(expression.left), ...namesIn(expression.right)];
    case "call":
      return expression.args.flatMap(namesIn);
    case "list":
      return expression.items.flatMap(namesIn);
    default:
      return [];
  }
}

/** Whether a function is called anywhere in an expression. */
export function calls(expression: Expression, name: string): boolean {
  switch (expression.kind) {
    case "minus":
      return calls(expression.operand, name);
    case "binary":
      return calls(expression.left, name) || calls(expression.right, name);
    case "call":
      return expression.name === name || expression.args.some((arg) => calls(arg, name));
    case "list":
      return expression.items.some((item) => calls(item, name));
    default:
      return false;
  }
}

/** Words that are no Ids: those begin with a lower-case letter. */
const KEYWORDS: ReadonlySet<string> = new Set(["REPEAT", "LINEAR"]);
