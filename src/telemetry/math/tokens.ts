/** The words of a metric math expression. */

/** What is wrong with an expression, in a sentence for whoever wrote it. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}

export interface Token {
  readonly kind: "number" | "text" | "name" | "symbol" | "end";
  readonly text: string;
  /** Where it begins: for errors. */
  readonly at: number;
}

const TOKEN =
  /\s*(?:(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z_]\w*)|(?<text>"[^"]*"|'[^']*')|(?<symbol>&&|\|\||[<>=!]=|[-+*/^()[\],<>]))/y;

/** All tokens and an end; throws ExpressionError at the first character that begins none. */
export function tokens(expression: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (expression.slice(at).trim() !== "") {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(expression);
    if (!match) throw stray(expression.slice(at).trimStart(), expression.length);
    const [kind, text = ""] = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined) ?? [
      "end",
    ];
    found.push({
      kind: kind as Token["kind"],
      text: kind === "text" ? text.slice(1, -1) : text,
      at: TOKEN.lastIndex - text.length,
    });
    at = TOKEN.lastIndex;
  }
  found.push({ kind: "end", text: "", at: expression.length });
  return found;
}

const stray = (rest: string, length: number) =>
  new ExpressionError(`Syntax error at character ${length - rest.length + 1}: '${rest.slice(0, 20)}'`);
