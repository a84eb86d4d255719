import { contextOf } from "../capabilities/hosting/hosting-fixture.ts";
import type { Endpoint } from "./observer.ts";
import type { World } from "./world.ts";

const ENDPOINTS = ["alpha", "Beta", "gamma", "delta"];
const ARTIFACTS = ["one", "two", "three", "lost"];

type Operation =
  | "CreateModel"
  | "DeleteModel"
  | "CreateEndpointConfig"
  | "DeleteEndpointConfig"
  | "CreateEndpoint"
  | "DescribeEndpoint"
  | "UpdateEndpoint"
  | "UpdateEndpointWeightsAndCapacities"
  | "DeleteEndpoint";
type Answer =
  | { readonly kind: "ok" }
  | { readonly kind: "refused"; readonly message: string }
  /** Control died before it answered: done or not. */
  | { readonly kind: "lost" };

/** A call that changes an endpoint. */
interface Call {
  readonly operation: Operation;
  readonly input: object;
  readonly began: number;
  ended: number;
  answer: Answer | undefined;
}

/** The sentences with which a change of an endpoint may be refused. */
const REFUSALS =
  /^(Cannot create already existing endpoint "|Cannot update (in-progress|failed) endpoint "|Could not find (endpoint|endpoint configuration|model) "|Cannot update the instance-based endpoint "|The variant name\(s\) "|ServerlessUpdateConfig: variant |DesiredInstanceCount: variant |Cannot create already existing (model|endpoint configuration) "|Could not find model data at )/;

/** Clients of the API: what they ask for at random, and whether what they were told stays true. */
export class Clients {
  readonly #world: World;
  readonly #calls = new Map<string, Call[]>();
  readonly #configs: string[] = [];
  readonly #models: string[] = [];
  #weight = 1;

  constructor(world: World) {
    this.#world = world;
  }

  /** Models and configurations, good and bad. */
  async prepare(badModels: number): Promise<void> {
    const { dice, machine } = this.#world;
    for (const artifact of ARTIFACTS) machine.artifacts.set(`s3://models/${artifact}`, `${artifact}-1`);
    for (let index = 0; index < 6; index++) {
      const bad = index > 1 && dice.chance(badModels);
      this.#models.push(`model-${index}`);
      await this.#call("CreateModel", this.#model(`model-${index}`, bad));
    }
    for (let index = 0; index < 8; index++) {
      this.#configs.push(`config-${index}`);
      await this.#call("CreateEndpointConfig", this.#config(`config-${index}`));
    }
    if (badModels > 0) machine.artifacts.delete("s3://models/lost");
  }

  /** One client does something, or several do the same at once. */
  act(): void {
    const { dice, plan, chronicle } = this.#world;
    const name = dice.pick(ENDPOINTS);
    const change = this.#change(name);
    const times = dice.chance(plan.bursts) ? 2 + dice.whole(3) : 1;
    if (times > 1) chronicle.fault(`concurrent ${change[0]}`);
    for (let time = 0; time < times; time++)
      void this.#changeEndpoint(name, ...(time === 0 || dice.chance(0.6) ? change : this.#change(name)));
  }

  /** Models and configurations that are in use go, come again and change. */
  async changeConfig(): Promise<void> {
    const { dice, chronicle } = this.#world;
    chronicle.fault("a model or configuration in use is deleted");
    if (dice.chance(0.5)) {
      const EndpointConfigName = dice.pick(this.#configs);
      const both = dice.chance(0.3);
      const first = this.#call("DeleteEndpointConfig", { EndpointConfigName });
      if (both) await this.#call("DeleteEndpointConfig", { EndpointConfigName });
      await first;
      await this.#call("CreateEndpointConfig", this.#config(EndpointConfigName));
    } else {
      const ModelName = dice.pick(this.#models);
      const both = dice.chance(0.3);
      const first = this.#call("DeleteModel", { ModelName });
      if (both) await this.#call("DeleteModel", { ModelName });
      await first;
      await this.#call("CreateModel", this.#model(ModelName, dice.chance(0.2)));
    }
  }

  changeArtifact(): void {
    const { dice, machine, chronicle, time } = this.#world;
    const uri = `s3://models/${dice.pick(ARTIFACTS)}`;
    chronicle.fault("an artifact is replaced or deleted", uri);
    if (dice.chance(0.3)) machine.artifacts.delete(uri);
    else machine.artifacts.set(uri, `${uri}-${time.now}`);
  }

  /** What was answered must be what is, once nothing more happens. */
  judge(): void {
    const { observer, chronicle } = this.#world;
    for (const [key, calls] of this.#calls) {
      this.#count(key);
      const done = calls.filter(({ answer }) => answer?.kind === "ok");
      const last = done.toSorted((a, b) => a.ended - b.ended).at(-1);
      if (!last) continue;
      const rivals = calls.filter(
        (call) => call !== last && call.answer?.kind !== "refused" && call.ended >= last.began,
      );
      const endpoint = observer.endpoints.get(key);
      chronicle.must(
        "what was acknowledged last is what is",
        [last, ...rivals].some((call) => isTrue(call, endpoint)),
        () =>
          `${key}: ${last.operation} ${JSON.stringify(last.input)}, but there is ${JSON.stringify(endpoint?.spec)} ${endpoint?.status.failureReason}`,
      );
    }
  }

  #change(name: string): [Operation, object] {
    const { dice, observer } = this.#world;
    const EndpointName = dice.chance(0.2) ? name.toUpperCase() : name;
    const known = observer.endpoints.get(name.toLowerCase());
    const EndpointConfigName = dice.pick(this.#configs);
    if (!known || dice.chance(0.1)) return ["CreateEndpoint", { EndpointName, EndpointConfigName }];
    const variant = dice.pick(known.spec.variants);
    const chance = dice.number();
    if (known.status.state === "Failed" || chance < 0.2) return ["DeleteEndpoint", { EndpointName }];
    if (chance < 0.6)
      return [
        "UpdateEndpoint",
        { EndpointName, EndpointConfigName, RetainAllVariantProperties: dice.chance(0.2) },
      ];
    if (chance < 0.7) return ["DescribeEndpoint", { EndpointName }];
    return [
      "UpdateEndpointWeightsAndCapacities",
      {
        EndpointName,
        DesiredWeightsAndCapacities: [
          {
            VariantName: variant.name,
            DesiredWeight: dice.chance(0.1) ? 0 : ++this.#weight,
            ...(dice.chance(0.5) &&
              (variant.serverless
                ? { ServerlessUpdateConfig: this.#concurrency(1) }
                : { DesiredInstanceCount: 1 + dice.whole(3) })),
          },
        ],
      },
    ];
  }

  async #changeEndpoint(name: string, operation: Operation, input: object): Promise<void> {
    const { dice, time, observer, chronicle } = this.#world;
    const key = name.toLowerCase();
    const call: Call = { operation, input, began: time.now, ended: Infinity, answer: undefined };
    if (operation !== "DescribeEndpoint")
      (this.#calls.get(key) ?? this.#calls.set(key, []).get(key)!).push(call);
    const answer = (call.answer = await this.#call(operation, input));
    call.ended = time.now;
    chronicle.note(
      `${operation} ${JSON.stringify(input)}: ${answer.kind} ${"message" in answer ? answer.message : ""}`,
    );
    this.#count(key);
    if (answer.kind === "refused") {
      const { existsSince, absentSince, restsSince } = observer.history(key);
      const { message } = answer;
      const throughout = (since: number | undefined) => since !== undefined && since < call.began;
      chronicle.must(
        "a refusal tells the truth",
        !(
          (message.startsWith("Cannot update in-progress") && throughout(restsSince)) ||
          (message.startsWith('Could not find endpoint "') && throughout(existsSince)) ||
          (message.startsWith('Cannot create already existing endpoint "') && throughout(absentSince))
        ),
        () => `${operation} ${JSON.stringify(input)}: ${message}, but it was not so since ${call.began}`,
      );
    }
    if (answer.kind !== "lost" || !dice.chance(0.7)) return;
    time.after(dice.between(100, 10_000), () => {
      chronicle.fault("a client tries again by name");
      void this.#changeEndpoint(name, operation, input);
    });
  }

  /** As many changes are stored as were acknowledged, and no more than were asked for. */
  #count(key: string): void {
    const { observer, chronicle } = this.#world;
    const { creations, updates, deletions } = observer.history(key);
    const calls = this.#calls.get(key) ?? [];
    const count = (stored: number, ...operations: string[]) => {
      const asked = calls.filter(({ operation }) => operations.includes(operation));
      const acknowledged = asked.filter(({ answer }) => answer?.kind === "ok").length;
      const refused = asked.filter(({ answer }) => answer?.kind === "refused").length;
      chronicle.must(
        "nothing acknowledged is lost, and nothing is done twice",
        acknowledged <= stored && stored <= asked.length - refused,
        () =>
          `${key}: ${operations.join()}: ${acknowledged} acknowledged, ${refused} refused of ${asked.length}; ${stored} stored`,
      );
    };
    count(creations, "CreateEndpoint");
    count(updates, "UpdateEndpoint", "UpdateEndpointWeightsAndCapacities");
    count(deletions, "DeleteEndpoint");
  }

  #call(operation: Operation, input: object): Promise<Answer> {
    const { control, chronicle } = this.#world;
    if (!control) return Promise.resolve({ kind: "lost" });
    const { promise, resolve } = Promise.withResolvers<Answer>();
    control.life.onEnd(() => resolve({ kind: "lost" }));
    const handler = control.api[operation] as (input: object, context: unknown) => Promise<object>;
    handler(input, contextOf()).then(
      () => resolve({ kind: "ok" }),
      (error: Error) => {
        chronicle.must(
          "the API refuses in AWS's words only",
          error.name === "ValidationException" && REFUSALS.test(error.message),
          () => `${operation} ${JSON.stringify(input)}: ${error.stack}`,
        );
        resolve({ kind: "refused", message: error.message });
      },
    );
    return promise;
  }

  #model(ModelName: string, bad: boolean): object {
    const { dice } = this.#world;
    const good = dice.pick([{}, {}, { BEHAVIOUR: "slow" }, { BEHAVIOUR: "deaf-to-sigterm" }]);
    const evil = dice.pick([
      { BEHAVIOUR: "crashes" },
      { BEHAVIOUR: "flaky" },
      { BEHAVIOUR: "never-healthy" },
      { DOWNLOAD: "slow" },
      {},
      {},
      {},
    ]);
    const evilImage = Object.keys(evil).length > 0 ? "fine" : dice.pick(["missing", "refused", "fine"]);
    const artifact = bad && evilImage === "fine" ? "lost" : dice.pick(ARTIFACTS.slice(0, 3));
    return {
      ModelName,
      PrimaryContainer: {
        Image: bad ? evilImage : "fine",
        Environment: bad ? evil : good,
        ModelDataUrl: `s3://models/${artifact}`,
      },
    };
  }

  /** MaxConcurrency, and what of it is provisioned. */
  #concurrency(provisioned: number): object {
    const { dice } = this.#world;
    const MaxConcurrency = 1 + dice.whole(4);
    const ProvisionedConcurrency = 1 + dice.whole(MaxConcurrency);
    return { MaxConcurrency, ...(dice.chance(provisioned) && { ProvisionedConcurrency }) };
  }

  #config(EndpointConfigName: string): object {
    const { dice } = this.#world;
    const timeouts = {
      ModelDataDownloadTimeoutInSeconds: 60,
      ContainerStartupHealthCheckTimeoutInSeconds: 60,
    };
    if (dice.chance(0.3)) {
      const ServerlessConfig = { MemorySizeInMB: dice.pick([1024, 2048]), ...this.#concurrency(0.4) };
      const variant = { VariantName: "variant-0", ModelName: dice.pick(this.#models), ServerlessConfig };
      return { EndpointConfigName, ProductionVariants: [{ ...variant, ...timeouts }] };
    }
    const variants = Array.from({ length: dice.chance(0.3) ? 2 : 1 }, (_, index) => ({
      VariantName: `variant-${index}`,
      ModelName: dice.pick(this.#models),
      InstanceType: "ml.m5.large",
      InitialInstanceCount: 1 + dice.whole(2),
      InitialVariantWeight: 1 + dice.whole(3),
      ...timeouts,
    }));
    return { EndpointConfigName, ProductionVariants: variants };
  }
}

/** Whether the endpoint is as the call left it, or as it was rolled back to. */
function isTrue({ operation, input }: Call, endpoint: Endpoint | undefined): boolean {
  const { EndpointConfigName, DesiredWeightsAndCapacities } = input as {
    EndpointConfigName?: string;
    DesiredWeightsAndCapacities?: { VariantName: string; DesiredWeight: number }[];
  };
  if (operation === "DeleteEndpoint") return endpoint === undefined;
  if (!endpoint) return false;
  const rolledBack = operation !== "CreateEndpoint" && endpoint.status.failureReason !== undefined;
  if (rolledBack) return true;
  if (DesiredWeightsAndCapacities) {
    const [{ VariantName, DesiredWeight }] = DesiredWeightsAndCapacities as [
      { VariantName: string; DesiredWeight: number },
    ];
    return endpoint.spec.variants.some(
      ({ name, weight }) => name === VariantName && weight === DesiredWeight,
    );
  }
  return endpoint.spec.configName === EndpointConfigName;
}
