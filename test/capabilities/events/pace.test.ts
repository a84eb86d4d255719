import { expect, test } from "vitest";
import { Pace } from "../../../src/capabilities/events/pace.ts";
import { FakeClock } from "../../support/fake-clock.ts";

test("no more turns a second than allowed, each place by itself", async () => {
  const clock = new FakeClock();
  const pace = new Pace(clock);
  const at: string[] = [];
  const take = async (place: string) => {
    await pace.turn(place, 4, new AbortController().signal);
    at.push(`${place} ${clock.monotonic()}`);
  };
  void Promise.all([take("a"), take("a"), take("a"), take("b")]);
  await clock.advance(1000);
  expect(at).toEqual(["a 0", "b 0", "a 250", "a 500"]);
  await take("a");
  expect(at.at(-1)).toBe("a 1000");
});
