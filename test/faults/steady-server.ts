import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { EXAMPLES, modelArchive } from "../support/tideway-server.ts";
import { KillableServer } from "./killable-server.ts";

const onnx = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));

/** What the endpoint `steady` is asked, and what its answers look like. */
export const ROW = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").split("\n")[0]!;
export const ANSWER = /^\d.*,\d/;

/** Whether the processes of a server can be looked at. */
export const seesProcesses = existsSync("/proc/self/stat");

/** A server with an endpoint `steady` of the built-in model server. */
export async function steadyServer(instances: number, ...options: string[]): Promise<KillableServer> {
  const server = await KillableServer.start(...options);
  const { tideway } = server;
  const ModelDataUrl = await tideway.upload("steady.tar.gz", await modelArchive({ "model.onnx": onnx }));
  const container = { Image: "tideway/auto", ModelDataUrl };
  const endpoint = await tideway.deploy("steady", container, { InitialInstanceCount: instances });
  expect(endpoint).toMatchObject({ EndpointStatus: "InService" });
  return server;
}

/** Whether `steady` answers now. */
export const answers = ({ tideway }: KillableServer): Promise<boolean> =>
  tideway.invoke("steady", ROW).then(
    ({ text }) => ANSWER.test(text),
    () => false,
  );
