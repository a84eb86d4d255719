/** PutRule, DescribeRule, ListRules, ListRuleNamesByTarget, EnableRule, DisableRule, DeleteRule. */
import type * as sdk from "@aws-sdk/client-eventbridge";
import { arn } from "../../base/arn.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { readPattern } from "./event-pattern.ts";
import { invalid, limitExceeded, notFound, unsupported } from "./faults.ts";
import { type Rule, RULE, type RuleSpec } from "./kinds.ts";
import { checkBus, type EventsParts, pageOf, written } from "./parts.ts";
import { tagsFrom } from "./tags.ts";

type Operations = Pick<
  Handlers<typeof sdk, Context>,
  | "PutRule"
  | "DescribeRule"
  | "ListRules"
  | "ListRuleNamesByTarget"
  | "EnableRule"
  | "DisableRule"
  | "DeleteRule"
>;

/** Of one bus, as in AWS. */
const MOST_RULES = 300;

export function ruleOperations(parts: EventsParts): Operations {
  const { account, store } = parts;

  async function enable(input: { Name: string; EventBusName?: string }, enabled: boolean): Promise<object> {
    const rule = await ruleOf(parts, input.Name, input.EventBusName);
    await written(rule.name, store.update(RULE, rule, { spec: { ...rule.spec, enabled } }));
    return {};
  }

  return {
    async PutRule({ Name, EventPattern, ScheduleExpression, EventBusName, ...input }) {
      checkBus(EventBusName, account);
      if (ScheduleExpression !== undefined) throw unsupported("ScheduleExpression");
      if (EventPattern === undefined)
        throw invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.");
      readPattern(EventPattern);
      const known = await store.get(RULE, Name);
      const spec: RuleSpec = {
        pattern: EventPattern,
        enabled: input.State !== "DISABLED",
        description: input.Description,
        roleArn: input.RoleArn,
        targets: known?.spec.targets ?? [],
      };
      if (known) return { RuleArn: (await written(Name, store.update(RULE, known, { spec }))).arn };
      if ((await store.names(RULE)).length >= MOST_RULES) throw limitExceeded();
      const draft = {
        name: Name,
        arn: arn(account, "events", `rule/${Name}`),
        spec,
        status: { state: "Exists" as const },
        tags: tagsFrom(input.Tags ?? []),
      };
      return { RuleArn: (await written(Name, store.create(RULE, draft))).arn };
    },

    async DescribeRule({ Name, EventBusName }) {
      return { ...described(await ruleOf(parts, Name, EventBusName)), CreatedBy: account.accountId };
    },

    async ListRules({ EventBusName, ...query }) {
      checkBus(EventBusName, account);
      const { items, ...next } = await pageOf(store, RULE, query);
      return { Rules: items.map(described), ...next };
    },

    async ListRuleNamesByTarget({ TargetArn, EventBusName, ...query }) {
      checkBus(EventBusName, account);
      const { items, ...next } = await pageOf(store, RULE, query, ({ spec }) =>
        spec.targets.some(({ Arn }) => Arn === TargetArn),
      );
      return { RuleNames: items.map(({ name }) => name), ...next };
    },

    EnableRule: async (input) => enable(input, true),
    DisableRule: async (input) => enable(input, false),

    async DeleteRule({ Name, EventBusName }) {
      checkBus(EventBusName, account);
      const rule = await store.get(RULE, Name);
      // as in AWS, what is not there is deleted already
      if (!rule) return {};
      if (rule.spec.targets.length) throw invalid("Rule can't be deleted since it has targets.");
      await written(Name, store.remove(RULE, rule));
      return {};
    },
  };
}

/** The rule of that name, or AWS's sentence that there is none. */
export async function ruleOf(
  { account, store }: EventsParts,
  name: string,
  bus: string | undefined,
): Promise<Rule> {
  checkBus(bus, account);
  const rule = await store.get(RULE, name);
  if (!rule) throw notFound(`Rule ${name} does not exist on EventBusName default.`);
  return rule;
}

const described = ({ name, arn: Arn, spec }: Rule): sdk.Rule => ({
  Name: name,
  Arn,
  EventPattern: spec.pattern,
  State: spec.enabled ? "ENABLED" : "DISABLED",
  Description: spec.description,
  RoleArn: spec.roleArn,
  EventBusName: "default",
});
