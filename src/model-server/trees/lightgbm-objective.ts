import { InvalidModel } from "../model.ts";
import { each, exponential, identity, sigmoid, softmax, type Link } from "./links.ts";

const signedSquare = each((score) => Math.sign(score) * score * score);

/** What the `objective` line of a LightGBM model does to scores; without the line they stay as they are. */
export function lightgbmLink(line: string | undefined): Link {
  if (line === undefined) return identity;
  const [name = "", ...parameters] = line.split(" ");
  switch (name) {
    case "regression":
    case "regression_l1":
    case "huber":
    case "fair":
    case "quantile":
    case "mape":
      return parameters.includes("sqrt") ? signedSquare : identity;
    case "poisson":
    case "gamma":
    case "tweedie":
      return exponential;
    case "binary":
    case "multiclassova":
      return sigmoid(slope(line, parameters));
    case "cross_entropy":
      return sigmoid();
    case "cross_entropy_lambda":
      return each((score) => Math.log1p(Math.exp(score)));
    case "multiclass":
      return softmax;
    case "lambdarank":
    case "rank_xendcg":
    case "custom":
      return identity;
    default:
      throw new InvalidModel(
        `The model was trained with the objective '${line.slice(0, 80)}', which is not supported.`,
      );
  }
}

function slope(line: string, parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith("sigmoid:"));
  const value = given === undefined ? 1 : Number(given.slice("sigmoid:".length));
  if (!(value > 0 && value < Infinity))
    throw new InvalidModel(`The model's objective '${line.slice(0, 80)}' has no positive sigmoid.`);
  return value;
}
