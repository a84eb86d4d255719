/** XGBoost's models in UBJSON and JSON: refused with InvalidModel, or a model that answers. */
import { readFileSync } from "node:fs";
import { InvalidModel } from "../../src/model-server/model.ts";
import { loadXgboost } from "../../src/model-server/trees/xgboost.ts";
import { attempt, type FuzzTarget } from "../target.ts";

const file = (name: string) =>
  readFileSync(new URL(`../../test/model-server/trees/vectors/${name}`, import.meta.url));
export const target: FuzzTarget = {
  seeds: [],
  run(input) {
    attempt(() => loadXgboost(input), InvalidModel);
  },
};
void file;
