import type { ResourceStore } from "../../state/store.ts";
import { ALARM, type Alarm } from "./kinds.ts";

const PAGE = 500;

/** All alarms in the order of their names. */
export async function* everyAlarm(store: ResourceStore): AsyncGenerator<Alarm> {
  let token: string | undefined;
  do {
    const page = await store.list(ALARM, { sortBy: "Name", descending: false, limit: PAGE, token });
    yield* page.items;
    token = page.next;
  } while (token !== undefined);
}

/** Those of these alarms that exist, in the order of the names. */
export async function alarmsNamed(store: ResourceStore, names: readonly string[]): Promise<Alarm[]> {
  const found = await Promise.all(names.map((name) => store.get(ALARM, name)));
  return found.filter((alarm) => alarm !== undefined);
}
