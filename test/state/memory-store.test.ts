import { MemoryStore } from "../../src/state/memory-store.ts";
import { resourceStoreContract } from "../contracts/resource-store.ts";

resourceStoreContract("MemoryStore", async (ports) => new MemoryStore(ports));
