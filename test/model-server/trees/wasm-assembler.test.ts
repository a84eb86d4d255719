import { expect, test } from "vitest";

import {
  assemble,
  f32,
  f64,
  i32,
  repeat,
  WasmFunction,
} from "../../../src/model-server/trees/wasm-assembler.ts";

interface Api {
  Memory: new (pages: { initial: number }) => { buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: unknown };
}

/** The memory after a run of the function of one parameter. */
function run(build: (code: WasmFunction) => void, parameter = 0, memory?: ArrayBuffer): ArrayBuffer {
  const { WebAssembly: api } = globalThis as unknown as { WebAssembly: Api };
  const code = new WasmFunction(1);
  build(code);
  const own = new api.Memory({ initial: 4 });
  if (memory) new Uint8Array(own.buffer).set(new Uint8Array(memory));
  const module = new api.Module(assemble({ run: code }));
  const { exports } = new api.Instance(module, { host: { memory: own } });
  (exports as { run: (parameter: number) => void }).run(parameter);
  return own.buffer;
}

test("whole numbers of every length, as constants and as offsets", () => {
  const places = [8, 56, 64, 120, 128, 8184, 8192, 16_376, 16_384, 65_536, 131_072];
  const source = new Float64Array(20_000);
  for (const place of places) source[place / 8] = place + 0.5;
  const memory = run(
    (code) => {
      code.variable();
      code.body(
        ...places.map((place, index) =>
          f64.store(i32.const(200_000 + 16 * index), 0, f64.load(i32.const(place), 0)),
        ),
        ...places.map((place, index) =>
          f64.store(
            i32.add(i32.const(-place), i32.const(200_008 + 16 * index + place)),
            0,
            f64.load(i32.const(0), place),
          ),
        ),
      );
    },
    0,
    source.buffer,
  );
  expect(Array.from(new Float64Array(memory, 200_000, 2 * places.length))).toEqual(
    places.flatMap((place) => [place + 0.5, place + 0.5]),
  );
});

test("a loop, variables and arithmetic", () => {
  const memory = run(
    (code) => {
      const left = code.variable();
      const at = code.variable();
      code.body(
        repeat(
          [
            f32.store(at.get, 64, f32.add(f32.load(at.get, 60), f32.load(i32.const(0), 0))),
            at.set(
              i32.add(
                at.get,
                i32.shiftLeft(f32.isAbove(f32.load(at.get, 64), f32.load(at.get, 60)), i32.const(2)),
              ),
            ),
          ],
          left.tee(i32.subtract(left.get, i32.const(1))),
        ),
      );
    },
    3,
    Float32Array.of(1.5).buffer,
  );
  expect(Array.from(new Float32Array(memory, 60, 5))).toEqual([0, 1.5, 3, 4.5, 0]);
});
