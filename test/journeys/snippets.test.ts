import { expect, test } from "vitest";
import { snippets } from "./snippets.ts";

const page = `
<!-- journey:cli expect:0.99 -->
\`\`\`bash
one
\`\`\`
words
\`\`\`bash
not run
\`\`\`
<!-- journey:js -->

\`\`\`js
two
\`\`\`
<!-- journey:cli -->
\`\`\`bash
three
\`\`\`
`;

test("marked blocks are found, those of one name joined", () => {
  expect(snippets(page)).toEqual([
    { name: "cli", language: "bash", code: "one\nthree", expect: "0.99" },
    { name: "js", language: "js", code: "two", expect: undefined },
  ]);
});

test("a mark without a block is a mistake, and so are two languages under one name", () => {
  expect(() => snippets("<!-- journey:x -->\nwords")).toThrow("not followed by a fenced block");
  expect(() => snippets(page.replace("journey:js", "journey:cli"))).toThrow("in two languages");
});
