/** A block of a page that is meant to be pasted, and is run by a test. */
export interface Snippet {
  readonly name: string;
  readonly language: string;
  readonly code: string;
  /** What its output must hold. */
  readonly expect: string | undefined;
}

/**
 * The fenced blocks that follow a mark: `<!-- journey:boto3 -->`, or with what it must print
 * `<!-- journey:boto3 expect:predictions -->`. Blocks of one name belong together and run in one shell.
 */
export function snippets(markdown: string): Snippet[] {
  const found = new Map<string, Snippet>();
  const marks = /<!-- journey:([\w-]+)(?: expect:(.+?))? -->\s*\n```(\w+)\n([\s\S]*?)\n```/g;
  for (const [, name = "", expect, language = "", code = ""] of markdown.matchAll(marks)) {
    const before = found.get(name);
    if (before && before.language !== language) throw new Error(`The journey ${name} is in two languages.`);
    const joined = before ? `${before.code}\n${code}` : code;
    found.set(name, { name, language, code: joined, expect: expect ?? before?.expect });
  }
  const count = markdown.match(/<!-- journey:/g)?.length ?? 0;
  const used = markdown.match(new RegExp(marks, "g"))?.length ?? 0;
  if (count !== used) throw new Error(`${count - used} journey marks are not followed by a fenced block.`);
  return [...found.values()];
}
