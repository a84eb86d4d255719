/** PutTargets, RemoveTargets, ListTargetsByRule. */
import type * as sdk from "@aws-sdk/client-eventbridge";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { checkTarget } from "./check-target.ts";
import { invalid, limitExceeded } from "./faults.ts";
import { RULE } from "./kinds.ts";
import { type EventsParts, written } from "./parts.ts";
import { ruleOf } from "./rules.ts";

type Operations = Pick<Handlers<typeof sdk, Context>, "PutTargets" | "RemoveTargets" | "ListTargetsByRule">;

/** Of one rule, as in AWS. */
const MOST_TARGETS = 5;

export function targetOperations(parts: EventsParts): Operations {
  const { store } = parts;
  return {
    async PutTargets({ Rule, EventBusName, Targets }) {
      const rule = await ruleOf(parts, Rule, EventBusName);
      if (new Set(Targets.map(({ Id }) => Id)).size < Targets.length)
        throw invalid("Parameter Targets is not valid. Reason: two targets have the same Id.");
      for (const target of Targets) await checkTarget(parts, target);
      const kept = rule.spec.targets.filter(({ Id }) => !Targets.some((one) => one.Id === Id));
      const targets = [...kept, ...(Targets as sdk.Target[])];
      if (targets.length > MOST_TARGETS) throw limitExceeded();
      await written(Rule, store.update(RULE, rule, { spec: { ...rule.spec, targets } }));
      return { FailedEntryCount: 0, FailedEntries: [] };
    },

    async RemoveTargets({ Rule, EventBusName, Ids }) {
      const rule = await ruleOf(parts, Rule, EventBusName);
      const known = (id: string) => rule.spec.targets.some(({ Id }) => Id === id);
      const FailedEntries = Ids.filter((id) => !known(id)).map((TargetId) => ({
        TargetId,
        ErrorCode: "ResourceNotFoundException",
        ErrorMessage: `Rule ${Rule} has no target ${TargetId}.`,
      }));
      const targets = rule.spec.targets.filter(({ Id }) => !Ids.includes(Id ?? ""));
      await written(Rule, store.update(RULE, rule, { spec: { ...rule.spec, targets } }));
      for (const id of Ids) await parts.bus.forget(Rule, id);
      return { FailedEntryCount: FailedEntries.length, FailedEntries };
    },

    async ListTargetsByRule({ Rule, EventBusName, NextToken, Limit = 100 }) {
      const { targets } = (await ruleOf(parts, Rule, EventBusName)).spec;
      const from = NextToken === undefined ? 0 : Number(NextToken);
      if (!Number.isInteger(from) || from < 0) throw invalid("Parameter NextToken is not valid.");
      const to = from + Limit;
      return { Targets: targets.slice(from, to), ...(to < targets.length && { NextToken: String(to) }) };
    },
  };
}
