import { expect, test } from "vitest";
import { Gathering } from "../../../src/objects/disk/gathering.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";

function setUp() {
  const clock = new FakeClock();
  const gathering = new Gathering(clock, 5);
  const there: string[] = [];
  const arrive = (name: string) => void gathering.arrive().then(() => there.push(name));
  return { clock, gathering, there, arrive };
}

test("one alone does not wait", async () => {
  const { clock, gathering, there, arrive } = setUp();
  gathering.begin();
  arrive("a");
  await settle();
  expect([there, clock.pending]).toEqual([["a"], 0]);
});

test("those under way at once go on together, and one that ends otherwise holds nobody up", async () => {
  const { clock, gathering, there, arrive } = setUp();
  const [, , third] = [gathering.begin(), gathering.begin(), gathering.begin()];
  arrive("a");
  arrive("b");
  await settle();
  expect(there).toEqual([]);
  third[Symbol.dispose]();
  await settle();
  expect([there, clock.pending]).toEqual([["a", "b"], 0]);
});

test("nobody waits longer than said for one that is slow", async () => {
  const { clock, gathering, there, arrive } = setUp();
  gathering.begin();
  gathering.begin();
  arrive("a");
  await clock.advance(4);
  expect(there).toEqual([]);
  await clock.advance(1);
  await settle();
  expect(there).toEqual(["a"]);
});
