import type { Account } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { ActionRunner } from "./alarm-actions.ts";
import type { AlarmHistory } from "./alarm-history.ts";

/** What the operations on alarms work on. */
export interface AlarmOperationPorts {
  readonly account: Account;
  readonly store: ResourceStore;
  readonly history: AlarmHistory;
  readonly runners: readonly ActionRunner[];
  readonly clock: Clock;
}
