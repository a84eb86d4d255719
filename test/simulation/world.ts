import { MemoryStore } from "../../src/state/memory-store.ts";
import { Chronicle } from "./chronicle.ts";
import { Control } from "./control.ts";
import { Dice } from "./dice.ts";
import { Gateway, RoutingFile } from "./gateways.ts";
import { Life } from "./life.ts";
import { Machine, ORPHAN } from "./machine.ts";
import { Observer } from "./observer.ts";
import { CALM, type Plan } from "./plan.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { VirtualTime } from "./virtual-time.ts";

const GATEWAYS = 2;

/** Everything of a run: one machine, its gateways, its disk, and the control that lives on it at the moment. */
export class World {
  readonly time = new VirtualTime();
  readonly dice: Dice;
  readonly chronicle: Chronicle;
  readonly machine: Machine;
  readonly gateways: readonly Gateway[];
  readonly disk: MemoryStore;
  readonly routingFile = new RoutingFile();
  readonly observer: Observer;
  readonly bug: PlantedBug | undefined;
  plan: Plan = CALM;
  control: Control | undefined;
  #lives = 0;

  constructor(seed: number, bug?: PlantedBug, print?: (line: string) => void) {
    this.dice = new Dice(seed);
    this.bug = bug;
    this.chronicle = new Chronicle(() => this.time.now, print);
    this.machine = new Machine(this.time, this.dice, this.chronicle);
    this.gateways = Array.from({ length: GATEWAYS }, (_, id) => new Gateway(id, this));
    this.disk = new MemoryStore({ clock: new Life(this, 0).clock, random: this.dice });
    this.observer = new Observer(this);
  }

  async startControl(): Promise<void> {
    const life = new Life(this, ++this.#lives);
    if (this.dice.chance(this.plan.orphans)) this.#startOrphan();
    this.chronicle.note(`control ${life.number} starts`);
    this.control = new Control(this, life);
    await this.control.start();
  }

  /** All that control had in memory is gone; processes, gateways and the disk are not. It is started again. */
  killControl(): void {
    if (!this.control) return;
    this.#endControl();
    this.time.after(
      this.dice.chance(0.1) ? this.dice.between(5_000, 60_000) : this.dice.between(50, 3_000),
      () => void this.#revive(),
    );
  }

  killMachine(): void {
    this.chronicle.fault("the machine dies");
    if (this.control) this.#endControl();
    this.machine.crash();
    for (const gateway of this.gateways) this.#end(gateway);
    const lost = this.dice.chance(0.5) ? 1 + this.dice.whole(4) : 0;
    if (lost > 0) this.chronicle.fault("the routing table on disk loses its end");
    this.routingFile.survivePowerCut(lost);
    const back = this.dice.between(1_000, 20_000);
    for (const gateway of this.gateways)
      this.time.after(back + this.dice.between(0, 2_000), () => this.#begin(gateway));
    this.time.after(back + this.dice.between(0, 2_000), () => void this.#revive());
  }

  killGateway(gateway: Gateway): void {
    if (!gateway.up) return;
    this.chronicle.fault("a gateway dies");
    this.#end(gateway);
    this.time.after(this.dice.between(50, 5_000), () => this.#begin(gateway));
  }

  gatewayTakes(gateway: Gateway, version: number, table: Gateway["table"]): void {
    this.observer.gatewayTakes(gateway, table);
    gateway.take(version, table);
  }

  /** An engine begins to stop a whole fleet. */
  fleetStops(fleet: string): void {
    this.observer.fleetStops(fleet);
  }

  /** An instance was given this artifact. */
  loaded(fleet: string, digest: string): void {
    this.observer.loaded(fleet, digest);
  }

  /** As when the store was put back to an earlier state: an instance of an endpoint that is not there. */
  #startOrphan(): void {
    const [other] = this.machine.processes.values();
    if (!other) return;
    this.chronicle.fault("an instance runs that no endpoint owns");
    const id = other.note.spec.id.replace(/^[0-9a-f]{8}/, ORPHAN);
    if ([...this.machine.processes.values()].some(({ note }) => note.spec.id === id)) return;
    this.machine.start(`${id}-0`, "good", { ...other.note, slot: 0, spec: { ...other.note.spec, id } });
  }

  async #revive(): Promise<void> {
    if (!this.control) await this.startControl();
  }

  #endControl(): void {
    this.chronicle.note(`control ${this.control!.life.number} is dead`);
    const { life } = this.control!;
    this.control = undefined;
    this.machine.listener = undefined;
    life.end();
  }

  #end(gateway: Gateway): void {
    gateway.stop();
    this.control?.publisher.disconnect(gateway);
    for (const process of this.machine.processes.values())
      for (const request of process.requests)
        if (request.gateway === gateway) {
          process.requests.delete(request);
          this.machine.released(process);
        }
  }

  #begin(gateway: Gateway): void {
    if (gateway.up) return;
    this.chronicle.note(`gateway ${gateway.id} starts`);
    gateway.start(this.routingFile);
    this.control?.publisher.connect(gateway);
  }
}
