import { InvalidModel } from "../model.ts";
import { each, exponential, identity, likeliest, sigmoid, softmax, type Link } from "./links.ts";

/** What an objective does to scores when predicting, and to `base_score` before anything is added to it. */
export interface Objective {
  readonly link: Link;
  readonly toMargin: (baseScore: number) => number;
}

const unchanged = (score: number) => score;
const plain: Objective = { link: identity, toMargin: unchanged };
const logistic: Objective = { link: sigmoid(), toMargin: (score) => -Math.log(1 / score - 1) };
const positive: Objective = { link: exponential, toMargin: Math.log };

const OBJECTIVES: ReadonlyMap<string, Objective> = new Map([
  ["reg:squarederror", plain],
  ["reg:linear", plain],
  ["reg:squaredlogerror", plain],
  ["reg:absoluteerror", plain],
  ["reg:pseudohubererror", plain],
  ["reg:quantileerror", plain],
  ["reg:logistic", logistic],
  ["reg:gamma", positive],
  ["reg:tweedie", positive],
  ["count:poisson", positive],
  ["survival:cox", positive],
  ["survival:aft", positive],
  ["binary:logistic", logistic],
  ["binary:logitraw", plain],
  ["binary:hinge", { link: each((score) => (score > 0 ? 1 : 0)), toMargin: unchanged }],
  ["multi:softprob", { link: softmax, toMargin: unchanged }],
  ["multi:softmax", { link: likeliest, toMargin: unchanged }],
  ["rank:pairwise", plain],
  ["rank:ndcg", plain],
  ["rank:map", plain],
]);

/** The objective of XGBoost's name for it. */
export function xgboostObjective(name: string): Objective {
  const objective = OBJECTIVES.get(name);
  if (objective) return objective;
  throw new InvalidModel(
    `The model was trained with the objective '${name.slice(0, 80)}', which is not supported. Supported are ${[...OBJECTIVES.keys()].join(", ")}.`,
  );
}
