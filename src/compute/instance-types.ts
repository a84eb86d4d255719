import type { ResourceShape } from "./engine.ts";

/** vCPUs by size, as AWS's families of the current design have them. */
const VCPU = table<number>({
  large: 2,
  xlarge: 4,
  "2xlarge": 8,
  "3xlarge": 12,
  "4xlarge": 16,
  "6xlarge": 24,
  "8xlarge": 32,
  "9xlarge": 36,
  "10xlarge": 40,
  "12xlarge": 48,
  "16xlarge": 64,
  "18xlarge": 72,
  "24xlarge": 96,
  "32xlarge": 128,
  "48xlarge": 192,
});

/** GiB of memory per vCPU of the regular families. */
const GIB_PER_VCPU = table<number>({
  c4: 1.875,
  c5: 2,
  c5d: 2,
  c5n: 2.625,
  c6g: 2,
  c6gd: 2,
  c6gn: 2,
  c6i: 2,
  c6id: 2,
  c6in: 2,
  c7g: 2,
  c7i: 2,
  m4: 4,
  m5: 4,
  m5d: 4,
  m6g: 4,
  m6gd: 4,
  m6i: 4,
  m6id: 4,
  m7i: 4,
  r5: 8,
  r5d: 8,
  r6g: 8,
  r6gd: 8,
  r6i: 8,
  r6id: 8,
  r7i: 8,
});

/** The families whose sizes follow no rule: vCPUs, GiB, GPUs. */
const IRREGULAR = table<readonly [vcpu: number, gib: number, gpus?: number]>({
  "t2.medium": [2, 4],
  "t2.large": [2, 8],
  "t2.xlarge": [4, 16],
  "t2.2xlarge": [8, 32],
  "t3.medium": [2, 4],
  "t3.large": [2, 8],
  "t3.xlarge": [4, 16],
  "t3.2xlarge": [8, 32],
  "c4.8xlarge": [36, 60],
  "c5n.9xlarge": [36, 96],
  "c5n.18xlarge": [72, 192],
  "p2.xlarge": [4, 61, 1],
  "p2.8xlarge": [32, 488, 8],
  "p2.16xlarge": [64, 732, 16],
  "p3.2xlarge": [8, 61, 1],
  "p3.8xlarge": [32, 244, 4],
  "p3.16xlarge": [64, 488, 8],
  "p3dn.24xlarge": [96, 768, 8],
  "p4d.24xlarge": [96, 1152, 8],
  "p4de.24xlarge": [96, 1152, 8],
  "p5.4xlarge": [16, 256, 1],
  "p5.48xlarge": [192, 2048, 8],
  "p5e.48xlarge": [192, 2048, 8],
  "p5en.48xlarge": [192, 2048, 8],
  "inf1.xlarge": [4, 8],
  "inf1.2xlarge": [8, 16],
  "inf1.6xlarge": [24, 48],
  "inf1.24xlarge": [96, 192],
  "inf2.xlarge": [4, 16],
  "inf2.8xlarge": [32, 128],
  "inf2.24xlarge": [96, 384],
  "inf2.48xlarge": [192, 768],
  "trn1.2xlarge": [8, 32],
  "trn1.32xlarge": [128, 512],
  "trn1n.32xlarge": [128, 512],
  "trn2.48xlarge": [192, 2048],
});

/** GPUs and GiB per vCPU of the G families by size. */
const GPUS = table<number>({
  xlarge: 1,
  "2xlarge": 1,
  "4xlarge": 1,
  "8xlarge": 1,
  "16xlarge": 1,
  "12xlarge": 4,
  "24xlarge": 4,
  "48xlarge": 8,
});
const G_FAMILIES = table<number>({ g4dn: 4, g5: 4, g6: 4, g6e: 8 });

/** The type of a serverless worker of so much memory. */
export const serverlessType = (memoryMiB: number) => `serverless.${memoryMiB}`;

/** Whether it is a serverless worker's, which takes one request at a time. */
export const isServerlessType = (instanceType: string) => instanceType.startsWith("serverless.");

/** AWS gives a serverless worker vCPUs in proportion to its memory, and does not say how many: here one for 2 GiB. */
function serverlessShape(instanceType: string): ResourceShape | undefined {
  const [, memory] = /^serverless\.(\d{4})$/.exec(instanceType) ?? [];
  return memory ? { vcpu: Math.ceil(Number(memory) / 2048), memoryMiB: Number(memory) } : undefined;
}

/** What a SageMaker instance type (`ml.m5.large`) has; undefined for a name that is not known. */
export function shapeOf(instanceType: string): ResourceShape | undefined {
  const [, family, size] = /^ml\.([a-z0-9]+)\.([a-z0-9]+)$/.exec(instanceType) ?? [];
  if (!family || !size) return serverlessShape(instanceType);
  const exact = IRREGULAR.get(`${family}.${size}`);
  if (exact) return { vcpu: exact[0], memoryMiB: exact[1] * 1024, ...(exact[2] && { gpus: exact[2] }) };
  const vcpu = VCPU.get(size);
  if (!vcpu) return undefined;
  const gib = G_FAMILIES.get(family);
  const gpus = GPUS.get(size);
  if (gib && gpus) return { vcpu, memoryMiB: vcpu * gib * 1024, gpus };
  const perVcpu = GIB_PER_VCPU.get(family);
  return perVcpu ? { vcpu, memoryMiB: vcpu * perVcpu * 1024 } : undefined;
}

/** A map, because an object would also answer to "constructor". */
function table<Value>(rows: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> {
  return new Map(Object.entries(rows));
}
