import { InvalidPattern } from "./expression.ts";

/**
 * `ERROR "a phrase" -not` wants all of the first and none of the last; `?a ?b` wants any of them, unless there are
 * others: then AWS does not look at them.
 */
export function parseTerms(pattern: string): (message: string) => boolean {
  const wanted: string[] = [];
  const unwanted: string[] = [];
  const any: string[] = [];
  for (let rest = pattern; rest !== "";) {
    const [whole, sign = "", phrase, word] =
      /^([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)\s*/.exec(rest) ?? [];
    if (whole === undefined) throw new InvalidPattern("a phrase does not end");
    if (word !== undefined && !/^[\p{L}\p{N}_.]+$/u.test(word))
      throw new InvalidPattern(`invalid character(s) in term '${word}'`);
    const term = phrase === undefined ? word! : phrase.replace(/\\(.)/g, "$1");
    (sign === "-" ? unwanted : sign === "?" ? any : wanted).push(term);
    rest = rest.slice(whole.length);
  }
  if (!wanted.length && !unwanted.length) return (message) => any.some((term) => message.includes(term));
  return (message) =>
    wanted.every((term) => message.includes(term)) && !unwanted.some((term) => message.includes(term));
}
