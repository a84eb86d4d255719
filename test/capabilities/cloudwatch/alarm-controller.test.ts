import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import { ActionRefused, type ActionRunner } from "../../../src/capabilities/cloudwatch/alarm-actions.ts";
import { nextEvaluation, runAlarms } from "../../../src/capabilities/cloudwatch/alarm-controller.ts";
import { AlarmHistory } from "../../../src/capabilities/cloudwatch/alarm-history.ts";
import { alarmOperations } from "../../../src/capabilities/cloudwatch/alarm-operations.ts";
import type { AlarmAction } from "../../../src/capabilities/cloudwatch/alarm-message.ts";
import { ALARM, type AlarmSpec, alarmStateOf } from "../../../src/capabilities/cloudwatch/kinds.ts";
import { saveAlarm } from "../../../src/capabilities/cloudwatch/save-alarm.ts";
import type { Controller } from "../../../src/state/controller.ts";
import { MemoryStore } from "../../../src/state/memory-store.ts";
import type { ResourceStore } from "../../../src/state/store.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { FakeMetrics } from "./fake-metrics.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const TOPIC = "arn:aws:sns:us-east-1:000000000000:oncall";
const account = { accountId: "000000000000", region: "us-east-1" };

let clock: FakeClock;
let store: MemoryStore;
let history: AlarmHistory;
let metrics: FakeMetrics;
let done: AlarmAction[];
let controllers: Controller[];

const runner: ActionRunner = {
  prefix: "arn:aws:sns:",
  async run(action) {
    if (action.arn.endsWith(":gone")) throw new ActionRefused("Topic does not exist");
    done.push(action);
  },
};

beforeEach(() => {
  clock = new FakeClock();
  store = new MemoryStore({ clock, random: new SeededRandom() });
  history = new AlarmHistory(":memory:", (error) => expect.unreachable(String(error)));
  metrics = new FakeMetrics();
  done = [];
  controllers = [];
});
afterEach(async () => {
  for (const controller of controllers) await controller.stop();
  if (clock.pending) throw new Error(`${clock.pending} timers are left`);
  await history[Symbol.asyncDispose]();
});

const ports = () => ({ account, store: store as ResourceStore, history, runners: [runner], clock });

async function start(given: Partial<Parameters<typeof runAlarms>[0]> = {}): Promise<void> {
  const random = new SeededRandom();
  controllers.push(await runAlarms({ ...ports(), reader: metrics, random, log: silentLog, ...given }));
}

type MetricInput = Partial<Extract<AlarmSpec, { type: "metric" }>>;

const put = (name: string, given: MetricInput = {}) =>
  saveAlarm(
    ports(),
    name,
    {
      type: "metric",
      AlarmName: name,
      Namespace: "N",
      MetricName: "load",
      Statistic: "Average",
      Period: 60,
      EvaluationPeriods: 1,
      ComparisonOperator: "GreaterThanThreshold",
      Threshold: 5,
      AlarmActions: [TOPIC],
      ...given,
    },
    undefined,
  );

const putComposite = (name: string, AlarmRule: string, given: object = {}) =>
  saveAlarm(
    ports(),
    name,
    { type: "composite", AlarmName: name, AlarmRule, AlarmActions: [TOPIC], OKActions: [TOPIC], ...given },
    undefined,
  );

/** Lets time pass by the second: what is written to the history takes turns of the real event loop. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left >= 0; left -= SECOND) {
    for (let turn = 0; turn < 12; turn++) await settle();
    await clock.advance(Math.min(left, SECOND));
  }
  for (let turn = 0; turn < 12; turn++) await settle();
}

const stateOf = (name: string) => alarmStateOf(store, name);
const told = () =>
  done.map(({ alarm, transition }) => `${alarm.name} ${transition.from.state} -> ${transition.to.state}`);
const past = (alarm: string) =>
  history
    .list({
      alarm,
      alarmTypes: ["MetricAlarm", "CompositeAlarm"],
      from: 0,
      to: Infinity,
      newestFirst: false,
      limit: 100,
    })
    .map(({ summary }) => summary);
const set = (AlarmName: string, StateValue: "OK" | "ALARM" | "INSUFFICIENT_DATA") =>
  alarmOperations(ports()).SetAlarmState!(
    { AlarmName, StateValue, StateReason: "a test" },
    undefined as never,
  );

describe("a metric alarm", () => {
  test("goes to ALARM when its metric does, tells it once, and comes back", async () => {
    await start();
    await put("cpu");
    await pass(0);
    expect(await stateOf("cpu")).toBe("INSUFFICIENT_DATA");
    for (let minute = 0; minute < 10; minute++) {
      metrics.put("load", clock.now(), minute < 5 ? 9 : 1);
      await pass(MINUTE);
    }
    expect(await stateOf("cpu")).toBe("OK");
    expect(told()).toEqual(["cpu INSUFFICIENT_DATA -> ALARM"]);
    expect(past("cpu")).toEqual([
      'Alarm "cpu" created',
      "Alarm updated from INSUFFICIENT_DATA to ALARM",
      `Successfully executed action ${TOPIC}`,
      "Alarm updated from ALARM to OK",
    ]);
    // nothing more comes: after its evaluation range it is unknown
    await pass(5 * MINUTE);
    expect(await stateOf("cpu")).toBe("INSUFFICIENT_DATA");
  });

  test("of high resolution notices within 15 seconds", async () => {
    await start();
    await put("fast", { Period: 10 });
    metrics.put("load", clock.now(), 9);
    await pass(15 * SECOND);
    expect(await stateOf("fast")).toBe("ALARM");
  });

  test("of a long period slides by the minute", async () => {
    await start();
    await put("slow", { Period: 300, Statistic: "Sum", Threshold: 20 });
    await pass(2 * MINUTE);
    for (let minute = 0; minute < 3; minute++) {
      metrics.put("load", clock.now(), 8);
      await pass(MINUTE);
    }
    await pass(20 * SECOND);
    expect(await stateOf("slow")).toBe("ALARM");
  });

  test("on math compares the result of its expression", async () => {
    await start();
    const stat = (MetricName: string) => ({
      Metric: { Namespace: "N", MetricName },
      Period: 60,
      Stat: "Sum",
    });
    await saveAlarm(
      ports(),
      "rate",
      {
        type: "metric",
        AlarmName: "rate",
        Metrics: [
          { Id: "errors", MetricStat: stat("errors"), ReturnData: false },
          { Id: "all", MetricStat: stat("load"), ReturnData: false },
          { Id: "e", Expression: "100 * errors / all", Label: "error rate" },
        ],
        EvaluationPeriods: 1,
        ComparisonOperator: "GreaterThanThreshold",
        Threshold: 10,
      },
      undefined,
    );
    metrics.put("load", clock.now(), 50);
    metrics.put("errors", clock.now(), 6);
    await pass(MINUTE + 20 * SECOND);
    const alarm = await store.get(ALARM, "rate");
    expect(alarm?.status.reason).toBe(
      "Threshold Crossed: 1 datapoint [12.0 (01/01/26 00:00:00)] was greater than the threshold (10.0).",
    );
  });

  test("on a percentile of few values waits for more where it is asked to", async () => {
    await start();
    const percentile = { Statistic: undefined, ExtendedStatistic: "p90" };
    await put("patient", { ...percentile, EvaluateLowSampleCountPercentile: "ignore" });
    await put("eager", { ...percentile, EvaluateLowSampleCountPercentile: "evaluate" });
    metrics.put("load", clock.now(), 9);
    await pass(MINUTE + 20 * SECOND);
    expect(await stateOf("patient")).toBe("INSUFFICIENT_DATA");
    expect(await stateOf("eager")).toBe("ALARM");
  });

  test("whose state is set does what follows, and finds its own way back", async () => {
    await start();
    await put("cpu", { OKActions: [TOPIC] });
    metrics.put("load", clock.now(), 1);
    await pass(MINUTE + 20 * SECOND);
    expect(await stateOf("cpu")).toBe("OK");
    metrics.put("load", clock.now(), 1);
    await set("cpu", "ALARM");
    await pass(0);
    expect(await stateOf("cpu")).toBe("ALARM");
    await pass(MINUTE);
    expect(told()).toEqual(["cpu INSUFFICIENT_DATA -> OK", "cpu OK -> ALARM", "cpu ALARM -> OK"]);
  });

  test("whose actions are off, or can not be carried out, still changes its state", async () => {
    await start();
    await put("off", { ActionsEnabled: false });
    await put("lost", { AlarmActions: [`${TOPIC}:gone`, TOPIC] });
    metrics.put("load", clock.now(), 9);
    await pass(MINUTE + 20 * SECOND);
    expect(await stateOf("off")).toBe("ALARM");
    expect(told()).toEqual(["lost INSUFFICIENT_DATA -> ALARM"]);
    expect(past("lost")).toContain(
      `Failed to execute action ${TOPIC}:gone. Received error: "Topic does not exist"`,
    );
  });

  test("an action that fails for a while is tried until it works", async () => {
    let failures = 3;
    await start({
      runners: [
        {
          ...runner,
          async run(action) {
            if (failures-- > 0) throw new Error("the disk is full");
            await runner.run(action);
          },
        },
      ],
    });
    await put("cpu");
    metrics.put("load", clock.now(), 9);
    await pass(3 * MINUTE);
    expect(told()[0]).toBe("cpu INSUFFICIENT_DATA -> ALARM");
  });

  test("changes no faster than what follows can be done, and none of it is lost", async () => {
    await put("cpu", { OKActions: [TOPIC], TreatMissingData: "ignore" });
    const states = Array.from({ length: 20 }, (_, index) => (index % 2 ? "OK" : "ALARM"));
    for (const state of states) await set("cpu", state);
    await expect(set("cpu", "ALARM")).rejects.toMatchObject({ name: "Throttling", message: "Rate exceeded" });
    await start();
    await pass(0);
    expect(done.map(({ transition }) => transition.to.state)).toEqual(states);
    await set("cpu", "ALARM");
  });

  test("is evaluated on after the clock was set back", async () => {
    await start();
    await put("cpu");
    await pass(30 * MINUTE);
    clock.jump(-20 * MINUTE);
    metrics.put("load", Math.ceil(clock.now() / MINUTE) * MINUTE, 9);
    await pass(3 * MINUTE);
    expect(await stateOf("cpu")).toBe("ALARM");
  });
});

test("an alarm that is removed while it is written over is made anew", async () => {
  await put("cpu");
  const get = store.get.bind(store);
  let looks = 0;
  store.get = async (kind, name) => {
    const found = await get(kind, name);
    // right after the first look somebody else removes it
    if (++looks === 1 && found) await store.remove(kind, found);
    return found;
  };
  await put("cpu", { Threshold: 7 });
  expect((await store.get(ALARM, "cpu"))?.spec).toMatchObject({ Threshold: 7 });
});

describe("a composite alarm", () => {
  test("follows its children, and says which of them", async () => {
    await start();
    await put("a");
    await put("b");
    await putComposite("both", "ALARM(a) AND ALARM(b)");
    await pass(0);
    expect((await store.get(ALARM, "both"))?.status.reason).toBe(
      "arn:aws:cloudwatch:us-east-1:000000000000:alarm:both was created and its alarm rule evaluates to OK",
    );
    await set("a", "ALARM");
    await pass(SECOND);
    expect(await stateOf("both")).toBe("OK");
    await set("b", "ALARM");
    await pass(0);
    expect(await store.get(ALARM, "both")).toMatchObject({
      status: {
        state: "ALARM",
        reason:
          "arn:aws:cloudwatch:us-east-1:000000000000:alarm:b transitioned to ALARM at Thursday 01 January, 2026 00:00:01 UTC",
        reasonData:
          '{"triggeringAlarms":[{"arn":"arn:aws:cloudwatch:us-east-1:000000000000:alarm:b","state":{"value":"ALARM","timestamp":"2026-01-01T00:00:01.000+0000"}}]}',
      },
    });
    expect(told().filter((one) => one.startsWith("both"))).toEqual([
      "both INSUFFICIENT_DATA -> OK",
      "both OK -> ALARM",
    ]);
  });

  test("of composite alarms is judged after them; its new rule counts at once", async () => {
    await start();
    await put("a");
    await putComposite("inner", "ALARM(a)");
    await putComposite("outer", "NOT ALARM(inner)");
    await pass(0);
    expect(await stateOf("outer")).toBe("ALARM");
    await set("a", "ALARM");
    await pass(SECOND);
    expect(await stateOf("outer")).toBe("OK");
    await putComposite("outer", "TRUE");
    await pass(0);
    expect((await store.get(ALARM, "outer"))?.status.reason).toMatch(
      /outer was updated and its new alarm rule evaluates to ALARM$/,
    );
  });

  test("whose state is set keeps it until a child changes", async () => {
    await start();
    await put("a");
    await putComposite("c", "ALARM(a)");
    await pass(0);
    await set("c", "ALARM");
    await pass(30 * SECOND);
    expect(await stateOf("c")).toBe("ALARM");
    await set("a", "OK");
    await pass(0);
    expect(await stateOf("c")).toBe("OK");
  });

  test("keeps quiet while its suppressor is in ALARM", async () => {
    await start();
    await put("a");
    await put("deploying", { MetricName: "other" });
    metrics.put("load", clock.now(), 9);
    const suppressor = {
      ActionsSuppressor: "deploying",
      ActionsSuppressorWaitPeriod: 10,
      ActionsSuppressorExtensionPeriod: 30,
    };
    await putComposite("c", "ALARM(a)", suppressor);
    await pass(20 * SECOND);
    done = [];
    await set("deploying", "ALARM");
    await set("a", "ALARM");
    await pass(20 * SECOND);
    expect(await store.get(ALARM, "c")).toMatchObject({ status: { state: "ALARM", suppressedBy: "Alarm" } });
    await set("deploying", "OK");
    await pass(0);
    expect(await store.get(ALARM, "c")).toMatchObject({ status: { suppressedBy: "ExtensionPeriod" } });
    expect(told().filter((one) => one.startsWith("c "))).toEqual([]);
    await pass(31 * SECOND);
    expect(told().filter((one) => one.startsWith("c "))).toEqual(["c OK -> ALARM"]);
  });

  test("says nothing of what came and went while it was suppressed", async () => {
    await start();
    await put("a");
    await put("deploying");
    const suppressor = {
      ActionsSuppressor: "deploying",
      ActionsSuppressorWaitPeriod: 0,
      ActionsSuppressorExtensionPeriod: 0,
    };
    await putComposite("c", "ALARM(a)", suppressor);
    await pass(0);
    done = [];
    for (const state of ["ALARM", "OK"] as const) {
      if (state === "ALARM") await set("deploying", state);
      await set("a", state);
      await pass(0);
    }
    await set("deploying", "OK");
    await pass(SECOND);
    expect(told().filter((one) => one.startsWith("c "))).toEqual([]);
    expect(past("c").filter((summary) => summary.startsWith("Alarm updated"))).toEqual([
      "Alarm updated from INSUFFICIENT_DATA to OK",
      "Alarm updated from OK to ALARM",
      "Alarm updated from ALARM to OK",
    ]);
  });
});

/** Lets so many steps of a process happen, and none after: what the process would still have done never comes. */
class Mortal {
  #left: number;
  constructor(steps: number) {
    this.#left = steps;
  }
  get dead(): boolean {
    return this.#left < 0;
  }
  async step<Result>(work: () => Promise<Result>): Promise<Result> {
    if (--this.#left < 0) return new Promise(() => {});
    return work();
  }
}

test("a kill between any two steps loses no change of state and repeats none", async () => {
  const repeats: number[] = [];
  for (let steps = 0; ; steps++) {
    clock = new FakeClock();
    store = new MemoryStore({ clock, random: new SeededRandom() });
    history = new AlarmHistory(":memory:", () => {});
    metrics = new FakeMetrics();
    done = [];
    const life = new Mortal(steps);
    const mortalStore = new Proxy<ResourceStore>(store, {
      get: (target, name) =>
        name === "update"
          ? (...args: Parameters<ResourceStore["update"]>) => life.step(() => target.update(...args))
          : Reflect.get(target, name).bind(target),
    });
    const mortalHistory = new Proxy(history, {
      get: (target, name) =>
        name === "add"
          ? (item: Parameters<AlarmHistory["add"]>[0]) => life.step(() => target.add(item))
          : Reflect.get(target, name).bind(target),
    });
    const mortalRunner: ActionRunner = { ...runner, run: (action) => life.step(() => runner.run(action)) };
    await put("cpu", { AlarmActions: [TOPIC, `${TOPIC}2`] });
    metrics.put("load", clock.now(), 9);
    const random = new SeededRandom();
    const common = { ...ports(), reader: metrics, random, log: silentLog };
    const first = await runAlarms({
      ...common,
      store: mortalStore,
      history: mortalHistory,
      runners: [mortalRunner],
    });
    await pass(MINUTE + 30 * SECOND);
    const { dead } = life;
    // it can not be stopped: a dead process waits for ever
    void first.stop();
    metrics.put("load", clock.now() - MINUTE, 9);
    const second = await runAlarms(common);
    await pass(10 * SECOND);
    expect(await stateOf("cpu")).toBe("ALARM");
    expect(past("cpu").filter((summary) => summary.startsWith("Alarm updated"))).toHaveLength(1);
    for (const arn of [TOPIC, `${TOPIC}2`]) {
      const times = done.filter((action) => action.arn === arn).length;
      expect(times).toBeGreaterThanOrEqual(1);
      expect(past("cpu").filter((summary) => summary === `Successfully executed action ${arn}`)).toHaveLength(
        1,
      );
    }
    repeats.push(done.length - 2);
    await second.stop();
    await history[Symbol.asyncDispose]();
    if (!dead) break;
  }
  // only a kill between an action and the note of it repeats one
  expect(repeats.length).toBeGreaterThan(5);
  expect(Math.max(...repeats)).toBe(1);
  history = new AlarmHistory(":memory:", () => {});
});

test("alarms are evaluated some seconds after their periods, each at its own moment", () => {
  for (const interval of [10, 60, 3600].map((seconds) => seconds * SECOND))
    for (const uid of ["a", "b", "0f6e"]) {
      const first = nextEvaluation(0, interval, uid);
      expect(first % interval).toBeGreaterThanOrEqual(2 * SECOND);
      expect(first % interval).toBeLessThanOrEqual(2 * SECOND + Math.min(interval / 5, 12 * SECOND));
      expect(nextEvaluation(first, interval, uid)).toBe(first + interval);
      expect(nextEvaluation(first - 1, interval, uid)).toBe(first);
    }
});
