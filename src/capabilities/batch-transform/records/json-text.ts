import { type JsonPath, NoMatch, placesOf } from "./json-path.ts";

/**
 * Parts of JSON as the text they were written in, so that no number loses digits on its way into the output.
 * The text must be valid, which JSON.parse says faster than any code of ours.
 */

/** The members of an object, or undefined where the text is none. Of a name that comes twice the last one counts, as in JSON.parse. */
export function membersOf(text: string): Map<string, string> | undefined {
  const members = new Map<string, string>();
  let at = blanks(text, 0);
  if (text[at] !== "{") return undefined;
  at = blanks(text, at + 1);
  while (text[at] !== "}") {
    const colon = valueEnd(text, at);
    const name = JSON.parse(text.slice(at, colon)) as string;
    const from = blanks(text, blanks(text, colon) + 1);
    at = valueEnd(text, from);
    members.set(name, text.slice(from, at));
    at = blanks(text, at);
    if (text[at] === ",") at = blanks(text, at + 1);
  }
  return members;
}

/** The elements of an array, or undefined where the text is none. */
export function elementsOf(text: string): string[] | undefined {
  const elements: string[] = [];
  let at = blanks(text, 0);
  if (text[at] !== "[") return undefined;
  at = blanks(text, at + 1);
  while (text[at] !== "]") {
    const end = valueEnd(text, at);
    elements.push(text.slice(at, end));
    at = blanks(text, end);
    if (text[at] === ",") at = blanks(text, at + 1);
  }
  return elements;
}

/** An object of these members. */
export function objectText(members: Iterable<readonly [string, string]>): string {
  return `{${Array.from(members, ([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

/** What a path selects: one value as it is, several names as an object, several elements or all as an array. Throws NoMatch. */
export function selectJson(path: JsonPath, text: string): string {
  const [step, ...rest] = path;
  if (step === undefined) return text;
  if (step.kind === "names") {
    const members = membersOf(text);
    const named = step.names.map((name) => {
      const value = members?.get(name);
      if (value === undefined)
        throw new NoMatch(`has no ${JSON.stringify(name)} where the filter looks for it`);
      return [name, value] as const;
    });
    return named.length === 1 ? selectJson(rest, named[0]![1]) : objectText(new Map(named));
  }
  const elements = elementsOf(text);
  if (step.kind === "all") {
    const values = elements ?? [...(membersOf(text)?.values() ?? [])];
    if (values.length === 0) throw new NoMatch("has nothing where the filter takes all");
    return `[${values.map((value) => selectJson(rest, value)).join(",")}]`;
  }
  if (!elements) throw new NoMatch("has no array where the filter takes elements by index");
  const values = placesOf(step.items, elements.length).map((place) => elements[place]!);
  return step.items.length === 1 && typeof step.items[0] === "number"
    ? selectJson(rest, values[0]!)
    : `[${values.join(",")}]`;
}

function blanks(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === 32 || code === 10 || code === 13 || code === 9;)
    code = text.charCodeAt(++at);
  return at;
}

/** The end of the value that begins here. */
function valueEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    switch (text[at]) {
      case '"':
        at = stringEnd(text, at) - 1;
        break;
      case "{":
      case "[":
        depth++;
        continue;
      case "}":
      case "]":
        if (depth === 0) return at;
        depth--;
        break;
      case ",":
      case ":":
      case " ":
      case "\n":
      case "\r":
      case "\t":
        if (depth === 0) return at;
        continue;
      default:
        continue;
    }
    if (depth === 0) return at + 1;
  }
  return text.length;
}

function stringEnd(text: string, from: number): number {
  for (let at = from + 1; ; at++) {
    at = text.indexOf('"', at);
    let escapes = 0;
    while (text[at - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return at + 1;
  }
}
