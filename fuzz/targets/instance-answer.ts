/** Answers of instances: heads read strictly, chunked bodies the same however they are cut. */
import { ChunkedBody } from "../../src/dataplane/chunked-body.ts";
import { BadAnswer, readHead } from "../../src/dataplane/response-head.ts";
import { cut, sizesFor } from "../cuts.ts";
import { attempt, type FuzzTarget, Finding, same } from "../target.ts";

export const target: FuzzTarget = {
  seeds: [
    "HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ncontent-length: 4",
    "HTTP/1.0 503 Busy\r\nconnection: keep-alive\r\nkeep-alive: timeout=1",
    "HTTP/1.1 204 \r\nx-a: \xe9\t1\r\nx-a: 2",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n4\r\ntide\r\n0\r\n\r\n",
    "HTTP/1.1 200\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nway\r\na \r\n0123456789\r\n00\r\ntrailer: 1\r\n\r\nrest",
  ],
  dictionary: [
    "\r\n",
    "\r\n\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked",
    "Connection: close",
    "HTTP/1.1 200 ",
  ],
  run(input) {
    const blank = input.indexOf("\r\n\r\n");
    const head = input.toString("latin1", 0, blank < 0 ? input.length : blank);
    const { value } = attempt(() => readHead(head), BadAnswer);
    if (value) {
      if (value.status < 100 || value.status > 999) throw new Finding(`the status ${value.status}`);
      for (const [name, text] of Object.entries(value.headers))
        if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || /[\r\n\0]/.test(text))
          throw new Finding(`the header ${name}: ${text}`);
      if (value.framing.kind === "length" && !Number.isSafeInteger(value.framing.length))
        throw new Finding(`the length ${value.framing.length}`);
    }
    if (blank < 0) return;
    const body = Buffer.from(input.subarray(blank + 4));
    const whole = read(body, 0);
    same("in pieces", read(body, ...sizesFor(body)), whole);
  },
};

function read(body: Buffer, ...sizes: number[]): string {
  const reader = new ChunkedBody();
  let data = "";
  let taken = 0;
  const { value, refusal } = attempt(() => {
    for (const piece of cut(body, ...sizes)) {
      const end = reader.take(piece, (part) => (data += part.toString("latin1")));
      if (end !== undefined) return taken + end;
      taken += piece.length;
    }
    return -1;
  }, BadAnswer);
  // a line that is too long is known to be so as soon as its piece comes, wherever its end is
  return refusal ? `refused ${data}` : `${value} ${data}`;
}
