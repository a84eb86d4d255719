import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  bubblewrapArguments,
  bubblewrapFault,
  computeDevices,
} from "../../../src/compute/isolation/bubblewrap.ts";

const plan = {
  home: { at: "/data/instances/f/0", from: "/data/instances/f/0/sandbox/home" },
  temporary: "/data/instances/f/0/sandbox/tmp",
  sharedMemory: undefined,
  modelDir: "/data/artifacts/abc/model",
  readable: ["/home/me/venv"],
  writable: ["/tmp/tideway-x/y", "/data/instances/f/0/ml"],
  devices: [],
  network: "none" as const,
  processes: undefined,
};
const has = (argv: readonly string[], ...part: string[]) =>
  argv.some((_, index) => part.every((word, offset) => argv[index + offset] === word));

test("only what is named is shown, folders before what is below them", () => {
  const argv = bubblewrapArguments(plan);
  expect(argv).toEqual(expect.arrayContaining(["--unshare-all", "--die-with-parent", "--cap-drop"]));
  expect(has(argv, "--ro-bind-try", "/home/me/venv", "/home/me/venv")).toBe(true);
  expect(has(argv, "--ro-bind", plan.modelDir, "/opt/ml/model")).toBe(true);
  const at = (path: string) => argv.lastIndexOf(path);
  expect(at("/tmp")).toBeLessThan(at("/tmp/tideway-x/y"));
  expect(at(plan.home.at)).toBeGreaterThan(at(plan.home.from));
  expect(at(plan.home.from)).toBeLessThan(at("/data/instances/f/0/ml"));
  const sources = argv.filter((_, index) => /^--(ro-|dev-)?bind/.test(argv[index - 1] ?? ""));
  for (const broad of ["/", "/etc", "/home", "/data", "/sys", "/var", "/run", "/tmp"])
    expect(sources).not.toContain(broad);
  expect(argv.slice(-4)).toEqual(["/", "--chdir", plan.home.at, "--"]);
  expect(argv).not.toContain("--share-net");
});

test("what a port needs, and no more, is shared with the machine", () => {
  expect(bubblewrapArguments({ ...plan, network: "host" })).toContain("--share-net");
});

test("accelerators are passed on as devices, with what their drivers read", () => {
  const folder = mkdtempSync(join(tmpdir(), "tideway-dev-"));
  try {
    for (const name of ["nvidia0", "nvidiactl", "nvidia-uvm", "sda"]) writeFileSync(join(folder, name), "");
    mkdirSync(join(folder, "nvidia-caps"));
    const devices = computeDevices(folder);
    expect(devices.map((path) => path.slice(folder.length + 1)).sort()).toEqual([
      "nvidia-caps",
      "nvidia-uvm",
      "nvidia0",
      "nvidiactl",
    ]);
    const argv = bubblewrapArguments({ ...plan, devices });
    for (const path of devices) expect(has(argv, "--dev-bind-try", path, path)).toBe(true);
    expect(has(argv, "--ro-bind-try", "/sys/bus", "/sys/bus")).toBe(true);
    // in the sandbox's own /dev, before that is closed to writes
    expect(argv.indexOf("--dev")).toBeLessThan(argv.indexOf("--dev-bind-try"));
    expect(argv.lastIndexOf("--dev-bind-try")).toBeLessThan(
      argv.indexOf("--remount-ro", argv.indexOf("--dev")),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(computeDevices("/nowhere")).toEqual([]);
});

test("a read-only folder inside of another is not mounted twice", () => {
  const argv = bubblewrapArguments({
    ...plan,
    readable: ["/usr/lib/python3", "/home/me/venv", "/home/me/venv/bin"],
  });
  expect(argv).not.toContain("/usr/lib/python3");
  expect(argv).not.toContain("/home/me/venv/bin");
});

test("the limit of processes is set inside, where no cgroup has it", () => {
  const argv = bubblewrapArguments({ ...plan, processes: 77 });
  expect(argv.slice(-3)).toEqual(["-c", expect.stringContaining("ulimit -p 77"), "tideway-instance"]);
});

test("a bubblewrap that does not work is told with its own words", async () => {
  expect(await bubblewrapFault("/bin/false")).toMatch(/^bubblewrap does not work here \(.+\)$/);
});
