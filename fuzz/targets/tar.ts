/** tar, unpacked: the same however it is cut, and no entry but plain files and folders below the top. */
import { EntryNames } from "../../src/objects/archive/entry-names.ts";
import { InvalidArchive } from "../../src/objects/archive/invalid-archive.ts";
import { readTar } from "../../src/objects/archive/tar-reader.ts";
import { pax, tar, tarEntry } from "../../test/objects/archive/tar-bytes.ts";
import { pieces, sizesFor } from "../cuts.ts";
import { withChecksums } from "../tar-checksums.ts";
import { attemptAsync, type FuzzTarget, Finding, same } from "../target.ts";

export const target: FuzzTarget = {
  seeds: [
    tar(
      { name: "model.onnx", content: "tide" },
      { name: "code/", type: "5" },
      { name: "code/inference.py", content: "x" },
    ),
    tar(pax({ path: `${"a".repeat(99)}/b` }), { name: "short", content: "1" }),
    tar(pax({ size: "4" }), { name: "a", content: "tide" }),
    tar(tarEntry({ name: "././@LongLink", type: "L", content: `${"b".repeat(120)}\0`, format: "gnu" }), {
      name: "b",
      format: "gnu",
    }),
    tar({ name: "folder/", format: "old" }, { name: "name", prefix: "prefix" }),
    tar({ name: "code/../a" }, { name: "./b/./c" }),
    tar({ name: "link", type: "2", linkname: "/etc/passwd" }),
  ],
  dictionary: [
    "../",
    "/",
    "..",
    "\0",
    "ustar\x0000",
    "ustar  \0",
    "path=",
    "size=",
    "12 path=../a\n",
    "\x80\0\0\0\0\0\0\x01\xff\xff\xff\xff",
    "\xc3\xa9",
    "77777777777\0",
  ],
  maxLength: 8192,
  async run(input) {
    const bytes = withChecksums(input);
    const whole = await read(pieces(bytes, 0));
    same("in pieces", await read(pieces(bytes, ...sizesFor(bytes))), whole);
  },
};

async function read(source: AsyncIterable<Uint8Array>): Promise<string> {
  const names = new EntryNames();
  let text = "";
  const { refusal } = await attemptAsync(async () => {
    for await (const entry of readTar(source)) {
      const { path, kind, size } = entry;
      if (path.startsWith("/") || path.split("/").includes("..") || path.includes("\0"))
        throw new Finding(`the path ${path}`);
      let content = 0;
      for (let part = await entry.read(); part.length; part = await entry.read()) content += part.length;
      same("size", content, size);
      if (path) names.add(path, kind);
      text += `${kind} ${path} ${size}\n`;
    }
  }, InvalidArchive);
  return `${text}${refusal ? refusal.message : "end"}`;
}
