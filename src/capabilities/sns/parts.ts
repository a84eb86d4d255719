import type { Account } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { Deliveries } from "./deliveries.ts";

/** What the operations of SNS work on. */
export interface SnsParts {
  readonly account: Account;
  readonly store: ResourceStore;
  readonly deliveries: Deliveries;
  readonly clock: Clock;
  readonly random: Random;
}
