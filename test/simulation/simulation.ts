import { Clients } from "./clients.ts";
import { judgeRest } from "./rest.ts";
import { CALM, drawPlan } from "./plan.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { Traffic } from "./traffic.ts";
import { World } from "./world.ts";

/** What a run came to. */
export interface Outcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly digest: string;
  readonly events: number;
  readonly virtualMs: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly checks: ReadonlyMap<string, number>;
}

/** How long things go wrong. */
const STORM_MS = 240_000;
/**
 * Then everything must come to rest in so long: the deadline of a deployment (60 s for the download, 60 s for the start,
 * 30 s beyond), one more for what it rolls back to, 65 s of draining, 30 s of grace, and pauses between attempts.
 */
const CALM_MS = 600_000;
/** And stay at rest. */
const REST_MS = 180_000;
const INVOKE_MS = 1_500;

/** One run of a seed, from an empty disk to rest. It ends at the first thing that must not be. */
export async function simulate(
  seed: number,
  { bug, print }: { bug?: PlantedBug | undefined; print?: ((line: string) => void) | undefined } = {},
): Promise<Outcome> {
  const world = new World(seed, bug, print);
  const { time, dice, chronicle } = world;
  const broken = () => chronicle.violations.length > 0;
  const clients = new Clients(world);
  const traffic = new Traffic(world);
  const plan = drawPlan(dice);

  void world.startControl().then(() => clients.prepare(plan.badModels));
  await time.runUntil(100, broken);
  chronicle.note(`plan ${JSON.stringify(plan)}`);
  world.plan = plan;

  const until = time.now + STORM_MS;
  /** Again and again at random times, about so far apart; never when the mean is 0. */
  const often = (meanMs: number, act: () => void) => {
    if (meanMs === 0) return;
    const next = () =>
      time.after(meanMs * dice.between(0.2, 1.8), () => {
        if (time.now >= until) return;
        act();
        next();
      });
    next();
  };
  often(plan.callMs, () => clients.act());
  often(INVOKE_MS, () => traffic.invoke());
  often(plan.controlCrashMs, () => {
    if (!world.control) return;
    chronicle.fault("control dies at any moment");
    world.killControl();
  });
  often(plan.machineCrashMs, () => world.killMachine());
  const process = () => dice.pick([...world.machine.processes.values()]);
  often(plan.instanceCrashMs, () => {
    const victim = process();
    if (!victim) return;
    chronicle.fault("an instance crashes");
    world.machine.kill(victim, "it crashes");
  });
  often(plan.instanceHangMs, () => {
    const victim = process();
    if (!victim?.listening) return;
    chronicle.fault("an instance hangs");
    world.machine.hang(victim);
  });
  often(plan.gatewayCrashMs, () => world.killGateway(dice.pick(world.gateways)));
  often(plan.gatewayStallMs, () => {
    chronicle.fault("a gateway stalls");
    dice.pick(world.gateways).stalledUntil = time.now + dice.between(1_000, 20_000);
  });
  often(plan.artifactChangeMs, () => clients.changeArtifact());
  often(plan.configChangeMs, () => void clients.changeConfig());
  await time.runUntil(until, broken);

  chronicle.note("calm");
  world.plan = CALM;
  world.machine.calm = true;
  if (!broken()) {
    await time.runUntil(until + CALM_MS, broken);
    const { writes, reconciles } = world.observer;
    await time.runUntil(until + CALM_MS + REST_MS, broken);
    if (!broken()) {
      clients.judge();
      judgeRest(world, world.observer.writes - writes, world.observer.reconciles - reconciles);
    }
  }
  return {
    seed,
    violations: chronicle.violations,
    digest: chronicle.digest(),
    events: time.events,
    virtualMs: time.now,
    faults: chronicle.faults,
    checks: chronicle.checks,
  };
}
