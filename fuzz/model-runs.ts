/** A loaded tree model asked for a few rows: whatever the file said, each run ends with numbers. */
import { InvalidModel, type Model } from "../src/model-server/model.ts";
import { attempt, Finding } from "./target.ts";

/** More columns than this are not brought. */
const MOST_COLUMNS = 64;

/** Loads with a loader that may refuse with an InvalidModel, and runs what it gave. */
export function loadAndRun(load: () => Model): void {
  const { value: model, refusal } = attempt(load, InvalidModel);
  if (refusal && refusal.message.length > 1000)
    throw new Finding(`a reason of ${refusal.message.length} characters`);
  if (!model) return;
  const [info] = model.inputs;
  const columns = info!.shape[1]!;
  if (columns > MOST_COLUMNS) return;
  const data = Float64Array.from(
    { length: 3 * columns },
    (_, index) => [0, -3.5, Number.NaN, 1e9][index % 4]!,
  );
  const values = info!.type === "float32" ? Float32Array.from(data) : data;
  const outputs = model.run(
    new Map([[info!.name, { name: info!.name, type: info!.type, shape: [3, columns], data: values }]]),
  );
  if (outputs instanceof Promise) throw new Finding("a tree model that waits");
  for (const { shape, data } of outputs)
    if (data.length !== shape.reduce((product, size) => product * size, 1))
      throw new Finding(`${data.length} values for ${shape.join()}`);
}
