import type { Mark } from "../../base/instance-channel.ts";
import type { FromHost, HostChannel, ProcessPicture, ToHost } from "./host-messages.ts";
import { Marks } from "./marks.ts";
import type { Assignment, End, Exit, HostedProcess, ProcessHost, ProcessLaunch } from "./process-host.ts";

/** A host in another process (serveProcessHost). Resolves when it has told what it runs; rejects when the channel closes. */
export async function openRemoteProcessHost(channel: HostChannel): Promise<ProcessHost> {
  const host = new RemoteProcessHost(channel);
  await host.opened;
  return host;
}

class RemoteProcessHost implements ProcessHost {
  runDir = "";
  readonly opened: Promise<void>;
  readonly #opening = Promise.withResolvers<void>();
  readonly #channel: HostChannel;
  readonly #processes = new Map<string, RemoteProcess>();
  readonly #starts = new Map<number, { launch: ProcessLaunch } & PromiseWithResolvers<HostedProcess>>();
  #requests = 0;
  #closed: Error | undefined;

  constructor(channel: HostChannel) {
    this.#channel = channel;
    this.opened = this.#opening.promise;
    channel.onMessage((message) => this.#hear(message as FromHost));
    channel.onClose(() => this.#close(new Error("The process that owns the instances is gone.")));
    this.#send({ kind: "open" });
  }

  async start(launch: ProcessLaunch): Promise<HostedProcess> {
    if (this.#closed) throw this.#closed;
    const request = (this.#requests += 1);
    const start = { launch, ...Promise.withResolvers<HostedProcess>() };
    this.#starts.set(request, start);
    this.#send({ kind: "start", request, launch });
    return start.promise;
  }

  processes(): readonly HostedProcess[] {
    return [...this.#processes.values()];
  }

  #send(message: ToHost): void {
    this.#channel.send(message);
  }

  #hear(message: FromHost): void {
    switch (message.kind) {
      case "opened":
        this.runDir = message.runDir;
        for (const picture of message.processes) this.#add(picture);
        return this.#opening.resolve();
      case "started": {
        const start = this.#take(message.request);
        return start?.resolve(this.#add({ id: start.launch.id, pid: message.pid, note: start.launch.note }));
      }
      case "refused":
        return this.#take(message.request)?.reject(new Error(message.message));
      case "reached":
        return this.#processes.get(message.id)?.marks.reach(message.mark);
      case "ended":
        return this.#processes.get(message.id)?.end(message.exit);
      case "exited":
        return this.#processes.get(message.id)?.leave(message.end);
    }
  }

  #add(picture: ProcessPicture): RemoteProcess {
    const process = new RemoteProcess(picture, (message) => {
      if (message.kind === "forget") this.#processes.delete(picture.id);
      this.#send(message);
    });
    this.#processes.set(picture.id, process);
    return process;
  }

  #take(request: number) {
    const start = this.#starts.get(request);
    this.#starts.delete(request);
    return start;
  }

  #close(error: Error): void {
    this.#closed = error;
    this.#opening.reject(error);
    for (const { reject } of this.#starts.values()) reject(error);
    this.#starts.clear();
    for (const process of this.#processes.values()) process.lose(error);
  }
}

class RemoteProcess implements HostedProcess {
  readonly id: string;
  readonly pid: number;
  readonly ended: Promise<Exit>;
  readonly exited: Promise<End>;
  readonly #ending = Promise.withResolvers<Exit>();
  readonly #exiting = Promise.withResolvers<End>();
  readonly marks = new Marks();
  readonly #send: (message: ToHost) => void;
  #note: object;
  #exit: Exit | undefined;

  constructor({ id, pid, note, exit, mark }: ProcessPicture, send: (message: ToHost) => void) {
    this.id = id;
    this.pid = pid;
    this.ended = this.#ending.promise;
    this.exited = this.#exiting.promise;
    // Whoever waits hears of a rejection; that nobody waits is no fault.
    this.ended.catch(() => {});
    this.exited.catch(() => {});
    this.#send = send;
    this.#note = note;
    if (mark) this.marks.reach(mark);
    if (exit) this.end(exit);
  }

  get note(): object {
    return this.#note;
  }
  get exit(): Exit | undefined {
    return this.#exit;
  }

  get mark(): Mark | undefined {
    return this.marks.last;
  }

  reached(mark: Mark): Promise<void> {
    return this.marks.reached(mark);
  }

  annotate(note: object): void {
    this.#note = note;
    this.#send({ kind: "annotate", id: this.id, note });
  }

  assign(assignment: Assignment): void {
    this.#note = assignment.note;
    this.#send({ kind: "assign", id: this.id, assignment });
  }

  stop(graceMs: number): Promise<End> {
    if (!this.#exit) this.#send({ kind: "stop", id: this.id, graceMs });
    return this.exited;
  }

  forget(): void {
    this.#send({ kind: "forget", id: this.id });
  }

  /** The host told that the program has ended. */
  end(exit: Exit): void {
    this.#exit ??= exit;
    this.#ending.resolve(exit);
  }

  /** The host told that nothing of it is left. */
  leave(end: End): void {
    this.#exiting.resolve(end);
  }

  /** The host can not be asked any more. */
  lose(error: Error): void {
    this.#ending.reject(error);
    this.#exiting.reject(error);
  }
}
