import { readFile } from "node:fs/promises";
import type {
  PutScalingPolicyRequest,
  StepScalingPolicyConfiguration,
  TargetTrackingScalingPolicyConfiguration,
} from "@aws-sdk/client-application-auto-scaling";
import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import {
  simulate as run,
  type SimulatedPolicy,
  type Simulation,
  type SimulationInput,
} from "../../capabilities/autoscaling/simulation.ts";
import { type Command, required, text } from "../command.ts";
import { CliError } from "../exit-codes.ts";
import { facts, table } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { readTrace } from "../traffic-trace.ts";

/** At most so many rows are drawn: more are put together. */
const ROWS = 48;
const BAR = 32;

export const simulate: Command = {
  name: "simulate",
  summary: "what would these scaling policies have done with this traffic?",
  local: true,
  examples: [
    "tideway simulate --policy policy.json --trace traffic.csv --max 8",
    "tideway simulate --policy policy.json --trace traffic.csv --latency 80 --startup 5 --json",
  ],
  options: [
    {
      flags: "--policy <file>",
      summary: "JSON of PutScalingPolicy, or a list of them; a step policy has its Alarm beside it",
      required: true,
    },
    {
      flags: "--trace <file>",
      summary: "CSV: seconds (or ISO times), requests per second; each row holds until the next",
      required: true,
    },
    { flags: "--min <count>", summary: "MinCapacity", default: "1" },
    { flags: "--max <count>", summary: "MaxCapacity", default: "10" },
    { flags: "--latency <ms>", summary: "how long a request takes", default: "100" },
    { flags: "--startup <seconds>", summary: "until an instance serves", default: "2" },
  ],
  async run(call) {
    const number = (option: string, least: number) => {
      const value = Number(text(call.options[option]));
      if (!(value >= least)) throw new CliError("usage", `--${option} takes a number of at least ${least}.`);
      return value;
    };
    const [min, max] = [number("min", 0), number("max", 1)];
    if (max < min) throw new CliError("usage", "--max must not be less than --min.");
    const trace = readTrace(await readFile(required(call.options["trace"]), "utf8"));
    const policies = readPolicies(await readFile(required(call.options["policy"]), "utf8"));
    const result = simulated({
      policies,
      min,
      max,
      latencyMs: number("latency", 0),
      startupMs: number("startup", 0) * 1000,
      ...trace,
    });
    call.terminal.result({ ...result }, () => drawn(call.terminal, result, max));
  },
};

/** What a policy says that can not be simulated is its author's to mend. */
function simulated(input: SimulationInput): Simulation {
  try {
    return run(input);
  } catch (error) {
    throw new CliError("invalidInput", `--policy: ${(error as Error).message}`);
  }
}

/** The requests in a file, as the AWS CLI's --cli-input-json takes them. */
function readPolicies(json: string): SimulatedPolicy[] {
  let read: unknown;
  try {
    read = JSON.parse(json);
  } catch (error) {
    throw new CliError("usage", `--policy is no JSON: ${(error as Error).message}`);
  }
  const requests = (Array.isArray(read) ? read : [read]) as (Partial<PutScalingPolicyRequest> & {
    readonly Alarm?: MetricAlarm;
  })[];
  return requests.map((request, index) => {
    const policyName = request.PolicyName ?? `policy ${index + 1}`;
    // the configuration alone will do, as put-scaling-policy takes it from a file
    const bare = request as Partial<
      TargetTrackingScalingPolicyConfiguration & StepScalingPolicyConfiguration
    >;
    const tracking =
      request.TargetTrackingScalingPolicyConfiguration ??
      (bare.TargetValue === undefined ? undefined : (bare as TargetTrackingScalingPolicyConfiguration));
    const step = request.StepScalingPolicyConfiguration ?? (bare.StepAdjustments ? bare : undefined);
    if (!tracking && !step)
      throw new CliError(
        "usage",
        `--policy: ${policyName} has neither a TargetTrackingScalingPolicyConfiguration nor a StepScalingPolicyConfiguration.`,
      );
    return {
      policyName,
      ...(tracking && { tracking }),
      ...(step && !tracking && { step }),
      ...(request.Alarm && { alarm: request.Alarm }),
    };
  });
}

function drawn(terminal: Terminal, { minutes, changes }: Simulation, max: number): string[] {
  const perRow = Math.ceil(minutes.length / ROWS);
  const rows = Array.from({ length: Math.ceil(minutes.length / perRow) }, (_, row) =>
    minutes.slice(row * perRow, (row + 1) * perRow),
  );
  const highest = Math.max(1e-9, ...minutes.map(({ rate }) => rate));
  const lines = rows.map((row) => {
    const last = row.at(-1)!;
    const rate = row.reduce((sum, one) => sum + one.rate, 0) / row.length;
    const most = Math.max(...row.map(({ capacity }) => capacity));
    return [
      clockTime(last.at),
      rate.toFixed(1),
      "▪".repeat(Math.round((rate / highest) * BAR)).padEnd(BAR),
      last.perInstance.toFixed(0),
      `${"█".repeat(Math.round((most / max) * BAR))} ${most}`,
    ];
  });
  const capacities = minutes.map(({ capacity }) => capacity);
  return [
    ...table(["time", "req/s", "", "per instance, min", "instances"], lines),
    "",
    ...changes.map(
      ({ at, from, to, cause }) => `${clockTime(at)}  ${from} → ${to}  ${terminal.style("dim", cause)}`,
    ),
    "",
    ...facts([
      ["changes", String(changes.length)],
      ["instances", `${Math.min(...capacities)} to ${Math.max(...capacities)}`],
      ["instance hours", (capacities.reduce((sum, one) => sum + one, 0) / 60).toFixed(1)],
    ]),
  ];
}

/** `26:05` is five past two on the second day. */
function clockTime(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}
