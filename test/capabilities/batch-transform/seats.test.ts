import { expect, test } from "vitest";
import { instancesOf, type Seat, Seats } from "../../../src/capabilities/batch-transform/seats.ts";
import { settle } from "../../support/fake-clock.ts";

const address = { kind: "unix", path: "/run/model" } as const;
const instances = (count: number) => Array.from({ length: count }, (_, id) => ({ id: String(id), address }));
const never = new AbortController().signal;
const home = { index: 0, of: 1 };

function setUp(count: number, perInstance: number) {
  const ready = instances(count);
  const seats = new Seats(() => ready, perInstance);
  const given: string[] = [];
  const take = (name: string, alone = false, at = home, signal = never) => {
    const seat = seats.take(at, alone, signal);
    seat.then(
      ({ instance }) => given.push(`${name}@${instance.id}`),
      () => given.push(`${name} gone`),
    );
    return seat;
  };
  return { ready, seats, given, take };
}

test("places are given in the order in which they were asked for, where the fewest are taken", async () => {
  const { seats, given, take } = setUp(2, 2);
  const first = take("a");
  for (const name of ["b", "c", "d", "e"]) void take(name);
  await settle();
  expect(given).toEqual(["a@0", "b@1", "c@0", "d@1"]);
  seats.leave(await first);
  await settle();
  expect(given.at(-1)).toBe("e@0");
});

test("whoever needs an instance alone is not overtaken on it", async () => {
  const { seats, given, take } = setUp(1, 2);
  const held = [take("a"), take("b")];
  void take("alone", true);
  void take("c");
  await settle();
  seats.leave(await held[0]!);
  await settle();
  expect(given).toEqual(["a@0", "b@0"]);
  seats.leave(await held[1]!);
  await settle();
  expect(given).toEqual(["a@0", "b@0", "alone@0"]);
});

test("one that gives up holds nobody up, and instances that come are used", async () => {
  const { ready, seats, given, take } = setUp(1, 1);
  const first: Promise<Seat> = take("a");
  const stop = new AbortController();
  void take("alone", true, home, stop.signal);
  void take("b");
  stop.abort(new Error("stopped"));
  await settle();
  ready.push(...instances(2).slice(1));
  seats.look();
  await settle();
  expect(given).toEqual(["a@0", "alone gone", "b@1"]);
  seats.leave(await first);
  await expect(seats.take(home, false, stop.signal)).rejects.toThrow("stopped");
});

test.each([
  [4, 8, 5, ["1"]],
  [4, 2, 1, ["1", "3"]],
  [4, 1, 0, ["0", "1", "2", "3"]],
  [1, 4, 3, ["0"]],
  [0, 4, 3, []],
])("of %i instances ready, with %i homes, object %i may use %j", (count, of, index, expected) => {
  const homes = Math.max(1, of);
  expect(instancesOf(instances(count), { index, of: homes }).map(({ id }) => id)).toEqual(expected);
});
