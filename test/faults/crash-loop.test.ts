/** An instance that ends again and again: callers are told so at once, it is started ever more rarely, and it recovers. */
import { expect, test } from "vitest";
import { ODD_MODEL } from "../support/tideway-server.ts";
import { KillableServer, until } from "./killable-server.ts";
import { seesProcesses } from "./steady-server.ts";

const CRASHES = 3;

test.skipIf(!seesProcesses)(
  `F08, F30: ${CRASHES} crashes in a row: each fails its own request only, the pauses grow, callers get documented errors at once, and it serves again (needs /proc)`,
  async () => {
    await using server = await KillableServer.start();
    const { tideway } = server;
    await tideway.image("odd", ODD_MODEL);
    await tideway.deploy("looping", { Image: "odd" });
    const pauses: number[] = [];
    const refusals = new Map<string, number>();
    let slowest = 0;
    for (let crash = 0; crash < CRASHES; crash++) {
      await expect(tideway.invoke("looping", "crash")).rejects.toMatchObject({
        name: "ModelError",
        OriginalStatusCode: 0,
        message: expect.stringContaining("Received server error (0)"),
      });
      const crashed = performance.now();
      await until(async () => {
        const asked = performance.now();
        const answer = await tideway.invoke("looping", "hello").catch((error: Error) => error);
        slowest = Math.max(slowest, performance.now() - asked);
        if (!(answer instanceof Error)) return answer.text === "hello";
        // in its last moment the kernel may still take a request for it
        if (answer.name === "ModelError") expect(asked - crashed).toBeLessThan(1000);
        else expect(answer.name).toMatch(/^(ModelNotReadyException|ServiceUnavailable)$/);
        expect(answer.message).not.toBe("");
        refusals.set(answer.name, (refusals.get(answer.name) ?? 0) + 1);
        return false;
      });
      pauses.push(performance.now() - crashed);
      expect((await tideway.describe("looping")).EndpointStatus).toBe("InService");
    }
    console.log(
      `${CRASHES} crashes, answered again after ${pauses.map(Math.round).join(", ")} ms; meanwhile ${[...refusals].map(([name, count]) => `${count} ${name}`).join(", ")}, the slowest after ${Math.round(slowest)} ms`,
    );
    // 1, 2, 4 s, each at a random point of its second half
    expect(pauses.at(-1)!).toBeGreaterThan(1900);
    expect(pauses.at(-1)!).toBeGreaterThan(pauses[0]!);
    expect([...refusals.keys()]).toContain("ServiceUnavailable");
  },
  90_000,
);
