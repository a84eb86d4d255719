/** A role that fails as it is told to: the name of its run says how. */
import { setTimeout as sleep } from "node:timers/promises";
import { runRole } from "../../src/roles/role.ts";

runRole("tideway: odd", async ({ session }, { supervisor }) => {
  if (session === "refuses") throw new Error("There is no such thing.");
  supervisor.on("gateways", ({ ids: [fault] }) => {
    if (fault === "throws") throw new Error("a fault of ours");
    if (fault === "rejects") void Promise.reject(new Error("a fault of ours"));
    if (fault === "blocks") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    // shorter than what counts as hanging
    if (fault === "blocks shortly") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
  });
  return { stop: () => sleep(0) };
});
