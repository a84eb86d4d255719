import type { Ports } from "./control.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** Wraps the ports of one life of control, so that it does something wrong. */
export type PlantedBug = (ports: Ports, world: World, life: Life) => Ports;
