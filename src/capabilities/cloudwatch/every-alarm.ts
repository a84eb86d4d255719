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
