import { pickInstance, type Candidate } from "../../src/dataplane/instance-picker.ts";
import type { EndpointRoute, InstanceRoute } from "../../src/dataplane/routing-table.ts";
import { pickVariant } from "../../src/dataplane/variant-picker.ts";
import type { Gateway } from "./gateways.ts";
import { GRACE_OVER, type Process, type Request } from "./machine.ts";
import { describe } from "./observer.ts";
import type { World } from "./world.ts";

/** The container contract's time for an answer. */
const LONGEST_MS = 60_000;
/** An instance that died is replaced in so long: the longest pause between attempts, and the slowest start. */
const REPLACED_MS = 120_000;
const ANSWERS = "an endpoint in service answers";

/** Invocations at random moments, through the real pickers. */
export class Traffic {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** One invocation of an endpoint through some gateway. */
  invoke(): void {
    const { dice, gateways, observer, chronicle, plan } = this.#world;
    const gateway = dice.pick(gateways);
    const key = dice.pick(["alpha", "beta", "gamma", "delta"]);
    const route = gateway.table.get(key);
    if (!gateway.up || !route) return;
    const duration = () => {
      const long = dice.chance(plan.longRequests);
      if (long) chronicle.fault("a request takes long");
      return long ? dice.between(2_000, LONGEST_MS) : dice.between(1, 200);
    };
    if (route.variants[0]?.serverless) {
      const requests = dice.chance(plan.bursts) ? 2 + dice.whole(4) : 1;
      return gateway.serverless.invoke(key, Array.from({ length: requests }, duration));
    }
    const variant = pickVariant(route.variants, dice.number());
    const process = variant && this.#reach(variant.instances);
    if (process) {
      chronicle.must(ANSWERS, true, () => "");
      return this.#work(gateway, variant.fleet, process, duration());
    }
    if (!variant || this.#disturbed(route)) return;
    const state = observer.endpoints.get(key)?.status.state;
    chronicle.must(
      ANSWERS,
      state !== "InService" && state !== "Updating" && state !== "RollingBack",
      () => `${key} (${state}) at gateway ${gateway.id}: ${describe(route)}`,
    );
  }

  /** Whether there was no time yet to replace what died. */
  #disturbed(route: EndpointRoute): boolean {
    const { machine, control, plan, time } = this.#world;
    const lately = (at: number | undefined) => at !== undefined && time.now - at < REPLACED_MS;
    return (
      plan.applyFails > 0 ||
      !control ||
      lately(control.since) ||
      route.variants.some(({ fleet }) => lately(machine.lastDeath.get(fleet)))
    );
  }

  /** One try, and another one where the first instance can not be reached. */
  #reach(instances: readonly InstanceRoute[]): Process | undefined {
    const { dice, machine } = this.#world;
    const candidates = instances.map(({ address }): Candidate & { process: Process | undefined } => ({
      process: address.kind === "unix" ? machine.at(address.path) : undefined,
      outstanding: 0,
      avoidUntil: 0,
    }));
    let tried: (typeof candidates)[number] | undefined;
    for (let attempt = 0; attempt < 2; attempt++) {
      tried = pickInstance(candidates, "RANDOM", 0, dice.number(), tried);
      if (tried?.process?.listening) return tried.process;
    }
    return undefined;
  }

  #work(gateway: Gateway, fleet: string, process: Process, durationMs: number): void {
    const { time, machine, chronicle } = this.#world;
    const began = time.now;
    gateway.inFlight.set(fleet, (gateway.inFlight.get(fleet) ?? 0) + 1);
    const leave = () => gateway.inFlight.set(fleet, gateway.inFlight.get(fleet)! - 1);
    const request: Request = {
      gateway,
      cut: (why) => {
        leave();
        chronicle.must(
          "no request is cut by the stop of a fleet within its time",
          !process.stopping || process.shrunk || why !== GRACE_OVER,
          () => `a request of ${fleet} after ${time.now - began} ms: ${why}`,
        );
      },
    };
    process.requests.add(request);
    time.after(durationMs, () => {
      if (!process.requests.delete(request)) return;
      leave();
      machine.released(process);
    });
  }
}
