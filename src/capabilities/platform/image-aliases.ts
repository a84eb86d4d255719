/** The image names that users gave programs to, at hand without a question to the store. */
import { type Account, arn } from "../../base/arn.ts";
import type { ResourceStore } from "../../state/store.ts";
import { Fault } from "../../wire/http.ts";
import { ImageAliasKind } from "./kinds.ts";

const LONGEST_NAME = 255;
const MOST_ARGUMENTS = 100;

export class ImageAliases {
  readonly #account: Account;
  readonly #store: ResourceStore;
  readonly #commands = new Map<string, readonly string[]>();

  private constructor(account: Account, store: ResourceStore) {
    this.#account = account;
    this.#store = store;
  }

  static async open(account: Account, store: ResourceStore): Promise<ImageAliases> {
    const aliases = new ImageAliases(account, store);
    for (const name of await store.names(ImageAliasKind)) {
      const stored = await store.get(ImageAliasKind, name);
      if (stored) aliases.#commands.set(name, stored.spec.command);
    }
    return aliases;
  }

  /** The program for an image name, with its arguments. */
  find(image: string): readonly string[] | undefined {
    return this.#commands.get(image);
  }

  all(): readonly { name: string; command: readonly string[] }[] {
    return [...this.#commands]
      .map(([name, command]) => ({ name, command }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Replaces what the name stood for; endpoints that run keep the program they were started with. */
  async set(name: string, command: unknown): Promise<void> {
    if (!/^\S+$/.test(name) || name.length > LONGEST_NAME)
      throw new Fault(
        "ValidationException",
        `The image name must have 1 to ${LONGEST_NAME} characters and no spaces.`,
      );
    if (!isCommand(command))
      throw new Fault(
        "ValidationException",
        `command must be a list of 1 to ${MOST_ARGUMENTS} strings, the first of them not empty.`,
      );
    const stored = await this.#store.get(ImageAliasKind, name);
    if (stored) await this.#store.update(ImageAliasKind, stored, { spec: { command } });
    else
      await this.#store.create(ImageAliasKind, {
        name,
        arn: arn(this.#account, "tideway", `image/${name}`),
        spec: { command },
        status: { state: "Exists" },
      });
    this.#commands.set(name, command);
  }

  async remove(name: string): Promise<void> {
    const stored = await this.#store.get(ImageAliasKind, name);
    if (!stored) throw new Fault("ResourceNotFound", `No program is known for the image ${name}.`, 404);
    await this.#store.remove(ImageAliasKind, stored);
    this.#commands.delete(name);
  }
}

function isCommand(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= MOST_ARGUMENTS &&
    value.every((part) => typeof part === "string" && !part.includes("\0")) &&
    value[0] !== ""
  );
}
