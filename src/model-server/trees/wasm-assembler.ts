/** As much of an assembler for WebAssembly's binary format as the tree kernel needs: no blocks of its own, i32 and floats. */

/** Instructions in the binary format. An expression leaves one value, a statement none. */
export type Code = readonly number[];

/** A parameter or local of a function. */
export interface Variable {
  readonly get: Code;
  set(value: Code): Code;
  /** Sets it and leaves the value. */
  tee(value: Code): Code;
}

const I32 = 0x7f;
const NO_RESULT = 0x40;
const END = 0x0b;
/** The magic number, and version 1. */
const HEADER: Code = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** A function of i32 parameters and without a result, whose variables are all i32. */
export class WasmFunction {
  readonly parameters: number;
  #variables = 0;
  #body: Code = [];

  constructor(parameters: number) {
    this.parameters = parameters;
  }

  /** The parameters come first, locals after them. */
  variable(): Variable {
    const index = unsigned(this.#variables++);
    return {
      get: [0x20, ...index],
      set: (value) => [...value, 0x21, ...index],
      tee: (value) => [...value, 0x22, ...index],
    };
  }

  body(...statements: readonly Code[]): void {
    this.#body = statements.flat();
  }

  get bytes(): Code {
    const locals = [...unsigned(this.#variables - this.parameters), I32];
    return sized([...vector([locals]), ...this.#body, END]);
  }
}

const binary =
  (opcode: number) =>
  (left: Code, right: Code): Code => [...left, ...right, opcode];

/** The instruction's immediate says how addresses are aligned (as a power of two) and what is added to them. */
const load =
  (opcode: number, alignment: number) =>
  (address: Code, offset: number): Code => [...address, opcode, alignment, ...unsigned(offset)];

const store =
  (opcode: number, alignment: number) =>
  (address: Code, offset: number, value: Code): Code => [
    ...address,
    ...value,
    opcode,
    alignment,
    ...unsigned(offset),
  ];

/** Instructions on whole numbers. */
export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  load: load(0x28, 2),
  load16: load(0x2f, 1),
  isZero: (value: Code): Code => [...value, 0x45],
  isBelow: binary(0x49),
  add: binary(0x6a),
  subtract: binary(0x6b),
  and: binary(0x71),
  or: binary(0x72),
  shiftLeft: binary(0x74),
};

/** Instructions on floats of one size. */
export interface FloatInstructions {
  readonly load: (address: Code, offset: number) => Code;
  readonly store: (address: Code, offset: number, value: Code) => Code;
  readonly isAbove: (left: Code, right: Code) => Code;
  readonly add: (left: Code, right: Code) => Code;
}

/** Instructions on float32. */
export const f32: FloatInstructions = {
  load: load(0x2a, 2),
  store: store(0x38, 2),
  isAbove: binary(0x5e),
  add: binary(0x92),
};

/** Instructions on float64. */
export const f64: FloatInstructions = {
  load: load(0x2b, 3),
  store: store(0x39, 3),
  isAbove: binary(0x64),
  add: binary(0xa0),
};

/** Statements, done again for as long as the condition after them is not zero. */
export function repeat(statements: readonly Code[], condition: Code): Code {
  return [0x03, NO_RESULT, ...statements.flat(), ...condition, 0x0d, 0, END];
}

/** A module that imports its memory as `host.memory` and exports the functions. */
export function assemble(functions: Readonly<Record<string, WasmFunction>>): Uint8Array<ArrayBuffer> {
  const all = Object.entries(functions);
  const types = all.map(([, { parameters }]) => [
    0x60,
    ...vector(Array.from({ length: parameters }, () => [I32])),
    ...vector([]),
  ]);
  const memory = [...name("host"), ...name("memory"), 2, 0, ...unsigned(1)];
  return Uint8Array.from([
    ...HEADER,
    ...section(1, types),
    ...section(2, [memory]),
    ...section(
      3,
      all.map((_, index) => unsigned(index)),
    ),
    ...section(
      7,
      all.map(([exported], index) => [...name(exported), 0, ...unsigned(index)]),
    ),
    ...section(
      10,
      all.map(([, { bytes }]) => bytes),
    ),
  ]);
}

function section(id: number, items: readonly Code[]): Code {
  return [id, ...sized(vector(items))];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(bytes: Code): Code {
  return [...unsigned(bytes.length), ...bytes];
}

function name(text: string): Code {
  return sized([...Buffer.from(text)]);
}

/** LEB128: seven bits to a byte, the least first, the high bit on all but the last. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** The same, in two's complement: the last byte's bit 6 is the sign. */
function signed(value: number): Code {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
