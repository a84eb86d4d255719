/** Counters in the branches of a module, so that the fuzzer sees which of them an input takes. */
import { stripTypeScriptTypes } from "node:module";
import { parseAst } from "vitest/node";

/** A module's source with counters, and the literals that it compares its input with. */
export interface Instrumented {
  readonly source: string;
  readonly literals: readonly string[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

/** The name under which modules find the counters. */
const COUNTERS = "__fuzzCounters";

/** `take` hands out the number of the next counter. */
export function instrument(typescript: string, take: () => number): Instrumented {
  const source = stripTypeScriptTypes(typescript);
  const edits: { at: number; text: string }[] = [];
  const literals = new Set<string>();
  const insert = (at: number, text: string) => edits.push({ at, text });
  const count = () => `${COUNTERS}[${take()}]++`;

  /** A branch that may be a single statement. */
  const statement = (node: Node) => {
    if (node.type === "BlockStatement") return walk(node);
    insert(node.start, `{${count()};`);
    walk(node);
    insert(node.end, "}");
  };
  const expression = (node: Node) => {
    insert(node.start, `(${count()},(`);
    walk(node);
    insert(node.end, "))");
  };
  const walk = (node: Node): void => {
    switch (node.type) {
      case "ImportDeclaration":
        return;
      case "BlockStatement":
        insert(node.start + 1, `${count()};`);
        break;
      case "IfStatement":
        walk(node["test"] as Node);
        statement(node["consequent"] as Node);
        if (node["alternate"]) statement(node["alternate"] as Node);
        else insert(node.end, ` else ${count()};`);
        return;
      case "ForStatement":
      case "ForOfStatement":
      case "ForInStatement":
      case "WhileStatement":
      case "DoWhileStatement":
        for (const [name, child] of children(node))
          if (name === "body") statement(child);
          else walk(child);
        return;
      case "ConditionalExpression":
        walk(node["test"] as Node);
        expression(node["consequent"] as Node);
        expression(node["alternate"] as Node);
        return;
      case "LogicalExpression":
        walk(node["left"] as Node);
        expression(node["right"] as Node);
        return;
      case "ArrowFunctionExpression":
        for (const [name, child] of children(node))
          if (name === "body" && child.type !== "BlockStatement") expression(child);
          else walk(child);
        return;
      case "SwitchCase":
        if ((node["consequent"] as Node[])[0])
          insert((node["consequent"] as Node[])[0]!.start, `${count()};`);
        break;
      case "Literal":
        literal(node, literals);
        return;
      case "TemplateElement":
        literals.add((node["value"] as { cooked: string }).cooked);
        return;
    }
    for (const [, child] of children(node)) walk(child);
  };
  walk(parseAst(source) as unknown as Node);

  const ordered = edits.map((edit, order) => ({ ...edit, order }));
  ordered.sort((a, b) => a.at - b.at || a.order - b.order);
  let text = `const ${COUNTERS} = globalThis.${COUNTERS};`;
  let from = 0;
  for (const edit of ordered) {
    text += source.slice(from, edit.at) + edit.text;
    from = edit.at;
  }
  return {
    source: text + source.slice(from),
    // an error's sentence is no word of the format
    literals: [...literals].filter((one) => one.length > 0 && one.length <= 40 && !/\w \w/.test(one)),
  };
}

function* children(node: Node): Generator<[name: string, child: Node]> {
  for (const [name, value] of Object.entries(node))
    for (const one of Array.isArray(value) ? value : [value])
      if (typeof one?.type === "string" && typeof one.start === "number") yield [name, one];
}

function literal(node: Node, literals: Set<string>): void {
  const { value, regex } = node as unknown as { value: unknown; regex?: { pattern: string } };
  if (typeof value === "string") literals.add(value);
  else if (regex) for (const run of regex.pattern.match(/[\w-]{2,}/g) ?? []) literals.add(run);
  else if (typeof value === "number" && Number.isInteger(value) && value >= 0)
    literals.add(value < 256 ? String.fromCharCode(value) : String(value));
}

/** Where modules find the counters. */
export function setCounters(counters: Uint8Array): void {
  (globalThis as unknown as Record<string, Uint8Array>)[COUNTERS] = counters;
}
