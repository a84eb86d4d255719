import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemRandom } from "../../src/base/random.ts";
import { rootCredentials } from "../../src/base/root-credentials.ts";

let folder = "";
const file = () => join(folder, "credentials.json");
const mode = async () => (await stat(file())).mode & 0o777;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-key-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("the first start makes a random key that only its owner can read; later starts find it", async () => {
  const first = await rootCredentials(folder, systemRandom, {});
  expect(first.accessKeyId).toMatch(/^TWKI[A-Z2-7]{16}$/);
  expect(first.secretAccessKey).toMatch(/^[0-9a-f]{40}$/);
  expect(await mode()).toBe(0o600);
  expect(await readdir(folder)).toEqual(["credentials.json"]);
  expect(await rootCredentials(folder, systemRandom, {})).toEqual(first);

  await rm(file());
  const second = await rootCredentials(folder, systemRandom, {});
  expect(second.accessKeyId).not.toBe(first.accessKeyId);
  expect(second.secretAccessKey).not.toBe(first.secretAccessKey);
});

test("the environment's key is taken, and leaves the folder's as it is", async () => {
  const env = { TIDEWAY_ACCESS_KEY_ID: "me", TIDEWAY_SECRET_ACCESS_KEY: "secret-enough" };
  await expect(rootCredentials(folder, systemRandom, env)).rejects.toThrow("TIDEWAY_ACCESS_KEY_ID must be 3");
  env.TIDEWAY_ACCESS_KEY_ID = "mine";
  expect(await rootCredentials(folder, systemRandom, env)).toEqual({
    accessKeyId: "mine",
    secretAccessKey: "secret-enough",
  });
  expect(await readdir(folder)).toEqual([]);
});

test.each([
  [{ TIDEWAY_ACCESS_KEY_ID: "mine" }, "must be set together"],
  [{ TIDEWAY_SECRET_ACCESS_KEY: "secret-enough" }, "must be set together"],
  [
    { TIDEWAY_ACCESS_KEY_ID: "a/b/c", TIDEWAY_SECRET_ACCESS_KEY: "secret-enough" },
    "TIDEWAY_ACCESS_KEY_ID must be",
  ],
  [
    { TIDEWAY_ACCESS_KEY_ID: "mine", TIDEWAY_SECRET_ACCESS_KEY: "short" },
    "TIDEWAY_SECRET_ACCESS_KEY must be",
  ],
  [
    { TIDEWAY_ACCESS_KEY_ID: "mine", TIDEWAY_SECRET_ACCESS_KEY: "with a space" },
    "TIDEWAY_SECRET_ACCESS_KEY must be",
  ],
])("an environment of %j is refused: %s", async (env, sentence) => {
  await expect(rootCredentials(folder, systemRandom, env)).rejects.toThrow(sentence);
});

test("variables that are set to nothing count as not set", async () => {
  const env = { TIDEWAY_ACCESS_KEY_ID: "", TIDEWAY_SECRET_ACCESS_KEY: "" };
  expect((await rootCredentials(folder, systemRandom, env)).accessKeyId).toMatch(/^TWKI/);
});

test.each(["", "{", "null", "[]", '{"accessKeyId":"mine"}', '{"accessKeyId":1,"secretAccessKey":2}'])(
  "a credentials.json of %j is refused, and neither replaced nor shown",
  async (text) => {
    await writeFile(file(), text);
    await expect(rootCredentials(folder, systemRandom, {})).rejects.toThrow(
      `${file()} doesn't hold an accessKeyId and a secretAccessKey.`,
    );
    expect(await readFile(file(), "utf8")).toBe(text);
  },
);

test("a key file that others can read is closed to them", async () => {
  await rootCredentials(folder, systemRandom, {});
  await chmod(file(), 0o644);
  await rootCredentials(folder, systemRandom, {});
  expect(await mode()).toBe(0o600);
});

test("what a crash left of an earlier try doesn't stand in the way", async () => {
  await writeFile(`${file()}.new`, "half", { mode: 0o644 });
  await rootCredentials(folder, systemRandom, {});
  expect(await mode()).toBe(0o600);
  expect(await readdir(folder)).toEqual(["credentials.json"]);
});
