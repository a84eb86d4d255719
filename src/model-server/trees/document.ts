/** Reads of an untrusted document after parsing; what does not fit is refused with the path of the field. */
import { InvalidModel } from "../model.ts";

/** A document's value, with its path for messages. */
export class Field {
  readonly path: string;
  readonly value: unknown;

  constructor(path: string, value: unknown) {
    this.path = path;
    this.value = value;
  }

  /** A member of an object; its value is undefined when there is none. */
  get(name: string): Field {
    const { value, path } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return this.refuse("an object");
    const own = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
    return new Field(path ? `${path}.${name}` : name, own);
  }

  get exists(): boolean {
    return this.value !== undefined;
  }

  text(): string {
    return typeof this.value === "string" ? this.value : this.refuse("a string");
  }

  /** A whole number within bounds; XGBoost writes its parameters as strings. */
  integer(least: number, most: number): number {
    const { value } = this;
    const number = typeof value === "string" && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isInteger(number) || number < least || number > most)
      return this.refuse(`a whole number from ${least} to ${most}`);
    return number;
  }

  array(): readonly Field[] {
    const { value, path } = this;
    return Array.isArray(value)
      ? value.map((item, i) => new Field(`${path}[${i}]`, item))
      : this.refuse("an array");
  }

  /** An array of numbers (or of true and false; null stands for NaN), of a given length if any. */
  numbers(length?: number): ArrayLike<number> {
    const numbers = this.#numbers();
    return length === undefined || numbers.length === length
      ? numbers
      : this.refuse(`an array of ${length} numbers`);
  }

  #numbers(): ArrayLike<number> {
    const { value } = this;
    if (ArrayBuffer.isView(value)) return value as Float64Array;
    if (!Array.isArray(value)) return this.refuse("an array of numbers");
    return value.map((item) => {
      if (typeof item === "number") return item;
      return item === null
        ? Number.NaN
        : typeof item === "boolean"
          ? Number(item)
          : this.refuse("an array of numbers");
    });
  }

  refuse(wanted: string): never {
    const { path, value } = this;
    throw new InvalidModel(
      value === undefined
        ? `The model has no ${path}.`
        : `The model's ${path || "document"} is not ${wanted}.`,
    );
  }
}
