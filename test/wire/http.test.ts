import { expect, test } from "vitest";
import { bodyOf, collect } from "../../src/wire/http.ts";

test("a body is what its chunks are, however many", async () => {
  async function* bytes(count: number) {
    for (let at = 0; at < count; at++) yield Buffer.of(at % 251);
  }
  for (const count of [0, 1, 2, 1023, 1024, 1025, 3000])
    expect(await collect(bytes(count))).toEqual(
      Buffer.from(Array.from({ length: count }, (_, at) => at % 251)),
    );
  await expect(collect(bytes(5), 4)).rejects.toThrow("exceeded 4 bytes");
  const whole = Buffer.from("tide");
  expect((await collect(bodyOf(whole))).buffer).toBe(whole.buffer);
});
