import type { FleetSpec, FleetStatus } from "../../src/compute/engine.ts";
import { isServerlessType } from "../../src/compute/instance-types.ts";
import { Conflict } from "../../src/state/store.ts";
import type { Ports } from "./control.ts";
import { SimulatedPublisher } from "./gateways.ts";
import type { Life } from "./life.ts";
import { ORPHAN } from "./machine.ts";
import { CALM } from "./plan.ts";
import type { World } from "./world.ts";

/** Wraps the ports of one life of control, so that it does something wrong. */
export type PlantedBug = (ports: Ports, world: World, life: Life) => Ports;

/** The port with some of its methods replaced. */
function but<Port extends object>(port: Port, methods: Partial<Port>): Port {
  return new Proxy(port, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return methods[name as keyof Port];
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Mistakes that are easily made, each of which the simulation must find. */
export const PLANTED_BUGS: Readonly<Record<string, PlantedBug>> = {
  "a route counts as published before any gateway has it": (ports) => ({
    ...ports,
    routes: but(ports.routes, {
      async publish(endpoint, route) {
        void ports.routes.publish(endpoint, route);
      },
    }),
  }),

  "a fleet is stopped with requests in flight": (ports) => ({
    ...ports,
    routes: but(ports.routes, { drained: async () => 0 }),
  }),

  "a creation is acknowledged before it is committed": (ports, _, life) => ({
    ...ports,
    store: but(ports.store, {
      async create(kind, draft) {
        life.after(20, () => void ports.store.create(kind, draft).catch(() => {}));
        return { ...draft, uid: "", generation: 1, version: 1, createdAt: 0, updatedAt: 0 };
      },
    }),
  }),

  "a write does not heed that another came between": (ports) => ({
    ...ports,
    store: but(ports.store, {
      async update(kind, seen, change) {
        try {
          return await ports.store.update(kind, seen, change);
        } catch (error) {
          const latest = error instanceof Conflict && (await ports.store.get(kind, seen.name));
          if (!latest) throw error;
          return ports.store.update(kind, latest, change);
        }
      },
    }),
  }),

  "fleets that are not needed any more are not stopped": (ports) => ({
    ...ports,
    engine: but(ports.engine, { async delete() {} }),
  }),

  "a fleet is applied a second time under another name": (ports) => ({
    ...ports,
    engine: but(ports.engine, {
      async apply(spec) {
        const status = await ports.engine.apply(spec);
        await ports.engine.apply({ ...spec, id: spec.id.replace(/^[0-9a-f]{8}/, "00000000") });
        return status;
      },
    }),
  }),

  "digests of artifacts are lost": (ports) => ({
    ...ports,
    engine: but(ports.engine, {
      async apply(spec) {
        const { digest: _, ...status } = await ports.engine.apply(spec);
        return status;
      },
    }),
  }),

  "a new control begins with an empty routing table": (ports) => {
    (ports.routes as SimulatedPublisher).prune([]);
    return ports;
  },

  "a new control keeps routes of endpoints that are gone": (ports) => {
    (ports.routes as SimulatedPublisher).prune = () => {};
    return ports;
  },

  "a new control does not take up what it finds": (ports) => ({
    ...ports,
    store: but(ports.store, { names: async () => [] }),
  }),

  "a new control does not see fleets that it has not applied": (ports) => {
    const applied = new Set<string>();
    return {
      ...ports,
      engine: but(ports.engine, {
        apply(spec) {
          applied.add(spec.id);
          return ports.engine.apply(spec);
        },
        fleets: () => ports.engine.fleets().filter(({ id }) => applied.has(id)),
      }),
    };
  },

  "a new control leaves fleets that no endpoint owns": (ports) => ({
    ...ports,
    engine: but(ports.engine, {
      fleets: () => ports.engine.fleets().filter(({ id }) => !id.startsWith(ORPHAN)),
    }),
  }),

  "an instance counts as ready before it answers": (ports) => ({
    ...ports,
    engine: but(ports.engine, {
      async apply(spec) {
        return hasty(await ports.engine.apply(spec));
      },
    }),
  }),

  "nobody hears of the engine's changes": (ports) => ({
    ...ports,
    engine: but(ports.engine, { watch: () => () => {} }),
  }),

  "a route is not taken back": (ports) => ({
    ...ports,
    routes: but(ports.routes, {
      async publish(endpoint, route) {
        if (route) await ports.routes.publish(endpoint, route);
      },
    }),
  }),

  "weights are not heeded": (ports) => ({
    ...ports,
    routes: but(ports.routes, {
      publish: (endpoint, route) =>
        ports.routes.publish(
          endpoint,
          route && { ...route, variants: route.variants.map((variant) => ({ ...variant, weight: 1 })) },
        ),
    }),
  }),

  "reasons of failures are not kept": (ports) => ({
    ...ports,
    store: but(ports.store, {
      update(kind, seen, change) {
        const { failureReason: _, ...status } = (change.status ?? seen.status) as { failureReason?: string };
        return ports.store.update(kind, seen, { ...change, status: status as never });
      },
    }),
  }),

  "each look writes something new": (ports, _, life) => ({
    ...ports,
    engine: but(ports.engine, {
      apply: async (spec) => ({
        ...(await ports.engine.apply(spec)),
        resolvedImage: `looked at ${life.clock.now()}`,
      }),
    }),
  }),

  "only the first gateway is waited for": (ports, world) => {
    const [first] = world.gateways;
    (ports.routes as SimulatedPublisher).heeds = (gateway) => gateway === first;
    return ports;
  },

  "nobody hears how many workers requests need": (ports) => {
    (ports.routes as SimulatedPublisher).demanded = () => {};
    return ports;
  },

  "idle workers stay, and count as stopped": (ports) => {
    const asked = new Map<string, number>();
    const most = new Map<string, number>();
    const { engine } = workers(ports, ({ id, desired }) => {
      asked.set(id, desired);
      most.set(id, Math.max(desired, most.get(id) ?? 0));
      return most.get(id)!;
    });
    return {
      ...ports,
      engine: but(engine, {
        status(id) {
          const status = ports.engine.status(id);
          return status && { ...status, desired: asked.get(id) ?? status.desired };
        },
      }),
    };
  },

  "there is one worker too many": (ports) => workers(ports, ({ desired }) => desired && desired + 1),

  "provisioned workers are taken for idle": (ports, world) =>
    workers(ports, ({ desired }) => (world.plan === CALM ? 0 : desired)),

  "gateways do not get to know new workers": (ports) => ({
    ...ports,
    routes: but(ports.routes, {
      publish: (endpoint, route) =>
        ports.routes.publish(
          endpoint,
          route && {
            ...route,
            variants: route.variants.map((variant) =>
              variant.serverless ? { ...variant, instances: [] } : variant,
            ),
          },
        ),
    }),
  }),
};

/** Has serverless fleets of another size. */
const workers = (ports: Ports, size: (spec: FleetSpec) => number): Ports => ({
  ...ports,
  engine: but(ports.engine, {
    apply: (spec) =>
      ports.engine.apply(isServerlessType(spec.instanceType) ? { ...spec, desired: size(spec) } : spec),
  }),
});

/** Claims that what starts is ready. */
function hasty(status: FleetStatus): FleetStatus {
  return {
    ...status,
    instances: status.instances.map((instance) =>
      instance.phase === "starting"
        ? { ...instance, phase: "ready", address: { kind: "unix", path: `/run/${instance.pid}` } }
        : instance,
    ),
  };
}
