/**
 * Brings alarms to the state that their metrics, or the alarms they are made of, say they are in. A change of state and
 * what is to be done about it are one write; the doing is recorded item by item, and a kill repeats at most one action.
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { type Controller, type Next, runController } from "../../state/controller.ts";
import { Conflict, type ResourceStore } from "../../state/store.ts";
import type { MetricReader } from "../../telemetry/metrics.ts";
import { type ActionRunner, ActionRefused, actionsFor } from "./alarm-actions.ts";
import type { AlarmHistory } from "./alarm-history.ts";
import { childrenOf } from "./alarm-rule.ts";
import { alarmsNamed } from "./every-alarm.ts";
import { actionItem, actionKey, stateItem } from "./history-items.ts";
import { intervalOf, judge } from "./judge.ts";
import {
  alarmName,
  type CompositeAlarmSpec,
  fingerprint,
  judgeComposite,
  ruleOf,
  watchedBy,
} from "./judge-composite.ts";
import { ALARM, type Alarm, type AlarmTransition, type Verdict } from "./kinds.ts";
import { type Suppression, suppression } from "./suppression.ts";
import { afterVerdict, changeAlarm } from "./transition.ts";

export interface AlarmPorts {
  readonly store: ResourceStore;
  readonly reader: MetricReader;
  readonly history: AlarmHistory;
  readonly runners: readonly ActionRunner[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

type Composite = Alarm & { readonly spec: CompositeAlarmSpec };

/** When an alarm was last evaluated, as which generation, and when it is again. */
interface Evaluation {
  readonly uid: string;
  readonly generation: number;
  readonly at: number;
  readonly next: number;
}

/** Evaluates every alarm in its own time, from now on; takes up the actions that an earlier process left. */
export async function runAlarms(ports: AlarmPorts): Promise<Controller> {
  const alarms = new Alarms(ports);
  const controller = await runController(ports.store, ALARM, (name) => alarms.reconcile(name), ports);
  const unwatch = ports.store.watch(({ kind, name }) => {
    if (kind === ALARM.name) for (const parent of alarms.parentsOf(name)) controller.enqueue(parent);
  });
  controller.signal.addEventListener("abort", unwatch);
  return controller;
}

class Alarms {
  readonly #ports: AlarmPorts;
  readonly #evaluations = new Map<string, Evaluation>();
  /** By composite alarm, those that it has to hear of. */
  readonly #watched = new Map<string, ReadonlySet<string>>();

  constructor(ports: AlarmPorts) {
    this.#ports = ports;
  }

  parentsOf(name: string): string[] {
    return [...this.#watched].filter(([, watched]) => watched.has(name)).map(([parent]) => parent);
  }

  async reconcile(name: string): Promise<Next> {
    const alarm = await this.#ports.store.get(ALARM, name);
    if (!alarm || alarm.spec.type === "metric") this.#watched.delete(name);
    if (!alarm) {
      this.#evaluations.delete(name);
      return "done";
    }
    try {
      if (alarm.spec.type === "metric") return await this.#metric(alarm);
      return await this.#composite(alarm as Composite);
    } catch (error) {
      // somebody else wrote it: what is said is looked at anew
      if (error instanceof Conflict) return { afterMs: 0 };
      throw error;
    }
  }

  async #metric(alarm: Alarm): Promise<Next> {
    const { clock, reader } = this.#ports;
    const { name, uid, generation, spec } = alarm;
    if (spec.type !== "metric") return "done";
    // each write of its own brings the alarm here again
    if (alarm.status.transitions) {
      await this.#carryOut(alarm, alarm.status.transitions, []);
      return "done";
    }
    const now = clock.now();
    const last = this.#evaluations.get(name);
    const due = last?.uid !== uid || last.generation !== generation || now >= last.next || now < last.at;
    if (!due) return { afterMs: last.next - now };
    const next = nextEvaluation(now, intervalOf(spec), uid);
    const verdict = judge(spec, reader, now);
    if (verdict && verdict.state !== alarm.status.state) await this.#change(alarm, verdict, now);
    this.#evaluations.set(name, { uid, generation, at: now, next });
    return { afterMs: next - now };
  }

  async #composite(alarm: Composite): Promise<Next> {
    const { store, clock } = this.#ports;
    this.#watched.set(alarm.name, watchedBy(alarm.spec));
    const children = await alarmsNamed(store, childrenOf(ruleOf(alarm.spec)));
    const now = clock.now();
    if (alarm.status.setWhile !== fingerprint(children)) {
      const verdict = judgeComposite(alarm, children);
      if (verdict.state !== alarm.status.state) {
        await this.#change(alarm, verdict, now);
        return "done";
      }
    }
    const { transitions } = alarm.status;
    if (!transitions) return "done";
    await this.#record(alarm, transitions);
    const suppressed = await this.#suppression(alarm, transitions.at(-1)!.at, now);
    if (!suppressed) {
      // what changed and changed back while it was suppressed is nobody's concern any more
      const wasSuppressed = alarm.status.suppressedBy !== undefined;
      const [first, latest] = [transitions[0]!, transitions.at(-1)!];
      const told = !wasSuppressed ? transitions : first.from.state === latest.to.state ? [] : [latest];
      await this.#carryOut(alarm, told, children);
      return "done";
    }
    if (alarm.status.suppressedBy !== suppressed.by)
      await store.update(ALARM, alarm, { status: { ...alarm.status, suppressedBy: suppressed.by } });
    return suppressed.until === undefined ? "done" : { afterMs: suppressed.until - now };
  }

  async #suppression(alarm: Composite, changedAt: number, now: number): Promise<Suppression | undefined> {
    const { ActionsSuppressor, ActionsSuppressorWaitPeriod, ActionsSuppressorExtensionPeriod } = alarm.spec;
    if (ActionsSuppressor === undefined) return undefined;
    const [suppressor] = await alarmsNamed(this.#ports.store, [alarmName(ActionsSuppressor)]);
    const periods = {
      waitSeconds: ActionsSuppressorWaitPeriod ?? 0,
      extensionSeconds: ActionsSuppressorExtensionPeriod ?? 0,
    };
    return suppression(suppressor, changedAt, periods, now);
  }

  async #change(alarm: Alarm, verdict: Verdict, now: number): Promise<void> {
    const { reason } = verdict;
    await this.#ports.store.update(ALARM, alarm, { status: afterVerdict(alarm, verdict, now), reason });
  }

  /**
   * Records what happened, does what is to be done about it, and forgets it. More may happen meanwhile: only what was
   * seen is forgotten, so that whoever changes an alarm again and again can not keep this from coming to an end.
   */
  async #carryOut(
    alarm: Alarm,
    transitions: readonly AlarmTransition[],
    children: readonly Alarm[],
  ): Promise<void> {
    const seen = alarm.status.transitions ?? [];
    await this.#record(alarm, seen);
    for (const transition of transitions)
      for (const arn of actionsFor(alarm.spec, transition.to.state))
        await this.#act(arn, alarm, transition, children);
    await changeAlarm(this.#ports.store, alarm.name, async (current) => {
      if (current.uid !== alarm.uid) return;
      const { transitions: waiting = [], suppressedBy: _, ...status } = current.status;
      const left = waiting.filter(({ serial }) => !seen.some((one) => one.serial === serial));
      const told = left.length ? { ...status, transitions: left } : status;
      await this.#ports.store.update(ALARM, current, { status: told });
    });
  }

  async #record(alarm: Alarm, transitions: readonly AlarmTransition[]): Promise<void> {
    const { history } = this.#ports;
    const items = transitions.map((transition) => stateItem(alarm, transition));
    await Promise.all(items.filter(({ key }) => !history.has(key)).map((item) => history.add(item)));
  }

  async #act(
    arn: string,
    alarm: Alarm,
    transition: AlarmTransition,
    children: readonly Alarm[],
  ): Promise<void> {
    const { history, runners, clock, log } = this.#ports;
    if (history.has(actionKey(alarm, transition, arn))) return;
    const runner = runners.find(({ prefix }) => arn.startsWith(prefix));
    let failure: string | undefined;
    try {
      if (!runner) throw new ActionRefused("Tideway has nothing that carries out such an action");
      await runner.run({ arn, alarm, transition, children });
    } catch (error) {
      if (!(error instanceof ActionRefused)) throw error;
      failure = error.message;
      log.warn("an action of an alarm could not be carried out", { alarm: alarm.name, action: arn, failure });
    }
    await history.add(actionItem(alarm, transition, arn, clock.now(), failure));
  }
}

const SETTLE_MS = 2_000;

/**
 * The next time at which an alarm is evaluated: some seconds after the periods end, so that what was measured in them has
 * arrived; not all alarms at once, but each always at the same moment.
 */
export function nextEvaluation(now: number, intervalMs: number, uid: string): number {
  let hash = 0;
  for (const character of uid) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  const spread = Math.min(intervalMs / 5, 12_000);
  const offset = SETTLE_MS + (hash % 1000) * (spread / 1000);
  return (Math.floor((now - offset) / intervalMs) + 1) * intervalMs + offset;
}
