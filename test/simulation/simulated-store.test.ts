/**
 * What the simulation runs on is a store like any other: the suite that SQLite's passes, passed by the memory store
 * behind the simulated one.
 */
import { MemoryStore } from "../../src/state/memory-store.ts";
import { resourceStoreContract } from "../contracts/resource-store.ts";
import { SimulatedStore } from "./simulated-store.ts";

const immortal = {
  ended: false,
  port: async <Result>(_: string, effect: () => Result | Promise<Result>) => effect(),
};

resourceStoreContract(
  "SimulatedStore",
  async (ports) => new SimulatedStore(new MemoryStore(ports), immortal, () => {}),
);
