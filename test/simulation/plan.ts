import type { Dice } from "./dice.ts";

/** Which faults a run has, and how often. Each run draws some only: what always comes together hides what comes alone. */
export interface Plan {
  /** Chance that control dies at an await point, before or after what it waits for has happened. */
  readonly crashAtPort: number;
  /** Mean time between deaths of control at any moment, ms; 0 = none, as for those below. */
  readonly controlCrashMs: number;
  readonly machineCrashMs: number;
  readonly instanceCrashMs: number;
  readonly instanceHangMs: number;
  readonly gatewayCrashMs: number;
  readonly gatewayStallMs: number;
  /** The longest that a gateway takes to hear of a route, and again to acknowledge it. */
  readonly gatewayDelayMs: number;
  readonly lateNotices: number;
  readonly doubleNotices: number;
  readonly applyFails: number;
  readonly deleteFails: number;
  /** Chance that a call of the store, the engine or the publisher takes its time. */
  readonly slowPorts: number;
  readonly badModels: number;
  readonly longRequests: number;
  readonly artifactChangeMs: number;
  readonly configChangeMs: number;
  /** Mean time between calls of clients. */
  readonly callMs: number;
  /** Chance that a client calls several times at once. */
  readonly bursts: number;
  /** Chance that a control that starts finds an instance that nobody knows. */
  readonly orphans: number;
}

export function drawPlan(dice: Dice): Plan {
  const some = (probability: number, low: number, high: number) =>
    dice.chance(probability) ? dice.between(low, high) : 0;
  return {
    crashAtPort: some(0.5, 0.002, 0.05),
    controlCrashMs: some(0.4, 5_000, 60_000),
    machineCrashMs: some(0.25, 40_000, 120_000),
    instanceCrashMs: some(0.4, 5_000, 60_000),
    instanceHangMs: some(0.2, 20_000, 90_000),
    gatewayCrashMs: some(0.3, 15_000, 90_000),
    gatewayStallMs: some(0.25, 20_000, 90_000),
    gatewayDelayMs: dice.chance(0.5) ? dice.between(5, 40) : dice.between(100, 3_000),
    lateNotices: some(0.3, 0.05, 0.5),
    doubleNotices: some(0.3, 0.05, 0.5),
    applyFails: some(0.3, 0.01, 0.2),
    deleteFails: some(0.3, 0.05, 0.7),
    slowPorts: some(0.6, 0.05, 0.4),
    badModels: some(0.6, 0.1, 0.6),
    longRequests: some(0.4, 0.05, 0.3),
    artifactChangeMs: some(0.3, 20_000, 60_000),
    configChangeMs: some(0.3, 10_000, 40_000),
    callMs: dice.between(4_000, 20_000),
    bursts: some(0.5, 0.1, 0.5),
    orphans: some(0.3, 0.05, 0.5),
  };
}

/** After the faults: nothing more goes wrong, so that what was begun must come to its end. */
export const CALM: Plan = {
  crashAtPort: 0,
  controlCrashMs: 0,
  machineCrashMs: 0,
  instanceCrashMs: 0,
  instanceHangMs: 0,
  gatewayCrashMs: 0,
  gatewayStallMs: 0,
  gatewayDelayMs: 20,
  lateNotices: 0,
  doubleNotices: 0,
  applyFails: 0,
  deleteFails: 0,
  slowPorts: 0,
  badModels: 0,
  longRequests: 0,
  artifactChangeMs: 0,
  configChangeMs: 0,
  callMs: 0,
  bursts: 0,
  orphans: 0,
};
