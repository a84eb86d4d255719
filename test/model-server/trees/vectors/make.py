"""Makes the vectors beside this file: small models with inputs and what their own framework predicts.

    pip install xgboost==3.2.0 lightgbm==4.7.0 scikit-learn==1.9.1 numpy==2.4.6
    python make.py
    pip install xgboost==2.1.4 && python make.py   # and again with 1.7.6: the older formats only

Each NAME.json holds {"columns", "rows" (null = missing), "predictions"}; the model lies in NAME.model.json,
NAME.model.ubj or NAME.model.txt beside it.
"""

import json
import pathlib

import lightgbm as lgb
import numpy as np
import xgboost as xgb
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

HERE = pathlib.Path(__file__).parent
random = np.random.default_rng(20240501)
cancer, diabetes, iris = load_breast_cancer(), load_diabetes(), load_iris()
ROWS = 24


def write(name, x, predictions):
    x = np.asarray(x, dtype=np.float32 if name.startswith("xgboost") else np.float64)
    rows = [[None if np.isnan(v) else round_trip(v) for v in row] for row in x]
    document = {"columns": x.shape[1], "rows": rows, "predictions": np.asarray(predictions).tolist()}
    (HERE / f"{name}.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


def round_trip(value):
    """The shortest text that gives the same float32 or float64 back."""
    return float(str(value))


def holes(x, share=0.15):
    x = np.array(x, dtype=np.float64)
    x[random.random(x.shape) < share] = np.nan
    return x


def groups_of(total, size):
    return np.full(total // size, size)


def xgboost_vector(name, x, y, rounds=6, rows=None, group=None, types=None, weights=None, predict=None, file=("json",), **parameters):
    names = None
    data = xgb.DMatrix(x, label=y, weight=weights, feature_types=types, enable_categorical=types is not None)
    if group is not None:
        data.set_group(group)
    booster = xgb.train({"max_depth": 3, "seed": 7, "nthread": 1, **parameters}, data, rounds)
    rows = x[random.choice(len(x), ROWS, replace=False)] if rows is None else rows
    test = xgb.DMatrix(rows, feature_types=types, enable_categorical=types is not None)
    for suffix in file:
        booster.save_model(HERE / f"xgboost-{name}.model.{suffix}")
    write(f"xgboost-{name}", rows, booster.predict(test, **(predict or {})))
    return booster


def categorical_data(total=400):
    """Two numeric columns and two categorical ones, of 4 and of 40 categories."""
    x = np.column_stack(
        [random.normal(size=total), random.normal(size=total), random.integers(0, 4, total), random.integers(0, 40, total)]
    )
    y = x[:, 0] + np.where(np.isin(x[:, 3], [1, 5, 8, 13, 33, 39]), 2.0, -1.0) + np.where(x[:, 2] == 2, 1.5, 0.0)
    return x, y + random.normal(scale=0.1, size=total)


def make_xgboost():
    # Rows that lie on the thresholds: the comparison must be the same there.
    booster = xgboost_vector("binary", cancer.data, cancer.target, objective="binary:logistic", file=("json", "ubj"))
    edges = edge_rows(booster.trees_to_dataframe(), cancer.data)
    write("xgboost-binary-edges", edges, booster.predict(xgb.DMatrix(edges)))

    xgboost_vector("logitraw", cancer.data, cancer.target, objective="binary:logitraw")
    xgboost_vector("hinge", cancer.data, cancer.target, objective="binary:hinge")
    xgboost_vector("reg-logistic", cancer.data, cancer.target, objective="reg:logistic", base_score=0.3)
    xgboost_vector("regression", diabetes.data, diabetes.target, objective="reg:squarederror", file=("json", "ubj"))
    xgboost_vector("squaredlog", diabetes.data, diabetes.target / 100, objective="reg:squaredlogerror")
    xgboost_vector("absolute", diabetes.data, diabetes.target, objective="reg:absoluteerror")
    xgboost_vector("pseudohuber", diabetes.data, diabetes.target / 100, objective="reg:pseudohubererror")
    xgboost_vector("quantile", diabetes.data, diabetes.target, objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9])
    xgboost_vector("poisson", diabetes.data, random.poisson(3, len(diabetes.data)), objective="count:poisson")
    xgboost_vector("gamma", diabetes.data, diabetes.target, objective="reg:gamma")
    xgboost_vector("tweedie", diabetes.data, diabetes.target, objective="reg:tweedie", tweedie_variance_power=1.4)
    xgboost_vector("cox", diabetes.data, diabetes.target * random.choice([-1, 1], len(diabetes.data)), objective="survival:cox")
    xgboost_vector("softprob", iris.data, iris.target, objective="multi:softprob", num_class=3, file=("json", "ubj"))
    xgboost_vector("softmax", iris.data, iris.target, objective="multi:softmax", num_class=3)
    for objective in ("pairwise", "ndcg", "map"):
        grades = iris.target if objective != "map" else (iris.target > 0).astype(int)
        xgboost_vector(f"rank-{objective}", iris.data, grades, group=groups_of(150, 15), objective=f"rank:{objective}", rounds=4)
    xgboost_vector("targets", diabetes.data, np.column_stack([diabetes.target, -diabetes.target / 7]), objective="reg:squarederror", rounds=4)
    xgboost_vector("missing", holes(cancer.data), cancer.target, objective="binary:logistic", file=("json", "ubj"))
    xgboost_vector("dart", holes(diabetes.data, 0.05), diabetes.target, objective="reg:squarederror", booster="dart", rate_drop=0.5, rounds=10, file=("json", "ubj"))
    xgboost_vector("forest", iris.data, iris.target, objective="multi:softprob", num_class=3, num_parallel_tree=3, subsample=0.6, colsample_bynode=0.6, rounds=2)
    xgboost_vector("deep", diabetes.data, diabetes.target, objective="reg:squarederror", max_depth=0, max_leaves=40, grow_policy="lossguide", rounds=3)
    xgboost_vector("pruned", diabetes.data, diabetes.target, objective="reg:squarederror", tree_method="exact", gamma=30000, max_depth=6, rounds=4)
    xgboost_vector("linear", holes(diabetes.data, 0.05), diabetes.target, objective="reg:squarederror", booster="gblinear", max_depth=None, updater="coord_descent")
    xgboost_vector("linear-softprob", iris.data, iris.target, objective="multi:softprob", num_class=3, booster="gblinear", max_depth=None, updater="coord_descent")

    x, y = categorical_data()
    rows = holes(x[:ROWS], 0.1)
    rows[:4, 3] = [2, 39, 40, 1000]  # known, greatest, and two that training never saw
    types = ["q", "q", "c", "c"]
    for name, most in (("categorical-onehot", 50), ("categorical-partition", 1)):
        xgboost_vector(name, x, y, rows=rows, types=types, objective="reg:squarederror", max_cat_to_onehot=most, tree_method="hist", file=("json", "ubj"))

    # Early stopping: the served model is the best round's, as in AWS's container.
    train, valid = xgb.DMatrix(diabetes.data[:300], diabetes.target[:300]), xgb.DMatrix(diabetes.data[300:], diabetes.target[300:])
    booster = xgb.train({"max_depth": 5, "eta": 0.6, "seed": 7, "nthread": 1}, train, 30, evals=[(valid, "v")], early_stopping_rounds=4, verbose_eval=False)
    booster.save_model(HERE / "xgboost-early-stopping.model.json")
    rows = diabetes.data[:ROWS]
    assert booster.best_iteration + 1 < booster.num_boosted_rounds()
    write("xgboost-early-stopping", rows, booster.predict(xgb.DMatrix(rows), iteration_range=(0, booster.best_iteration + 1)))

    # A booster that has learnt nothing answers its base score.
    xgboost_vector("no-trees", cancer.data, cancer.target, rounds=0, objective="binary:logistic", base_score=0.2)


def edge_rows(frame, data):
    """Rows whose features are exactly at, next below and next above the thresholds of the trees."""
    rows = np.repeat(data[:1].astype(np.float32), ROWS, axis=0)
    splits = frame[frame.Feature != "Leaf"]
    for at, row in enumerate(rows):
        for feature, threshold in zip(splits.Feature, splits.Split):
            value = np.float32(threshold)
            row[int(feature[1:])] = (value, np.nextafter(value, np.float32(-np.inf)), np.nextafter(value, np.float32(np.inf)))[(at + len(feature)) % 3]
        row[random.integers(0, 30, 8)] = data[at, random.integers(0, 30, 8)]
    return rows


def lightgbm_vector(name, x, y, rounds=6, rows=None, group=None, categorical="auto", **parameters):
    data = lgb.Dataset(x, label=y, group=group, categorical_feature=categorical)
    settings = {"num_leaves": 7, "seed": 7, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, **parameters}
    booster = lgb.train(settings, data, rounds)
    rows = x[random.choice(len(x), ROWS, replace=False)] if rows is None else rows
    booster.save_model(HERE / f"lightgbm-{name}.model.txt")
    write(f"lightgbm-{name}", rows, booster.predict(rows))


def make_lightgbm():
    lightgbm_vector("binary", cancer.data, cancer.target, objective="binary")
    lightgbm_vector("sigmoid", cancer.data, cancer.target, objective="binary", sigmoid=0.7)
    lightgbm_vector("cross-entropy", cancer.data, cancer.target * 0.8, objective="cross_entropy")
    lightgbm_vector("cross-entropy-lambda", cancer.data, cancer.target * 0.8, objective="cross_entropy_lambda")
    lightgbm_vector("regression", diabetes.data, diabetes.target, objective="regression")
    lightgbm_vector("sqrt", diabetes.data, diabetes.target - 150, objective="regression", reg_sqrt=True)
    for objective in ("regression_l1", "huber", "fair", "quantile", "mape"):
        lightgbm_vector(objective.replace("_", "-"), diabetes.data, diabetes.target, objective=objective, rounds=4)
    for objective in ("poisson", "gamma", "tweedie"):
        lightgbm_vector(objective, diabetes.data, diabetes.target, objective=objective, rounds=4)
    lightgbm_vector("multiclass", iris.data, iris.target, objective="multiclass", num_class=3)
    lightgbm_vector("multiclassova", iris.data, iris.target, objective="multiclassova", num_class=3)
    for objective in ("lambdarank", "rank_xendcg"):
        lightgbm_vector(objective.replace("_", "-"), iris.data, iris.target, group=groups_of(150, 15), objective=objective, rounds=4)
    lightgbm_vector("forest", cancer.data, cancer.target, objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.7)
    lightgbm_vector("dart", diabetes.data, diabetes.target, objective="regression", boosting="dart", drop_rate=0.5, rounds=8)
    lightgbm_vector("constant", np.ones((60, 2)), np.arange(60), objective="regression", rows=np.ones((2, 2)))

    lightgbm_vector("missing", holes(cancer.data), cancer.target, objective="binary")
    zeros = np.where(random.random(cancer.data.shape) < 0.2, 0, cancer.data)
    test = holes(zeros[:ROWS])
    test[:2, :4] = [1e-36, -1e-36, 1e-34, -0.0]
    lightgbm_vector("zero-as-missing", zeros, cancer.target, rows=test, objective="binary", zero_as_missing=True)
    # Trained without missing values: a NaN counts as 0.
    lightgbm_vector("no-missing", cancer.data - 1, cancer.target, rows=holes(cancer.data[:ROWS] - 1), objective="binary", use_missing=False)

    x, y = categorical_data()
    rows = holes(x[:ROWS], 0.1)
    rows[:6, 3] = [2, 39, 40, 1000, -1, 1e12]
    lightgbm_vector("categorical", x, y, rows=rows, categorical=[2, 3], objective="regression", min_data_per_group=5, cat_smooth=1)
    # Thresholds that float32 can not tell apart: money in cents since 1970.
    big = np.column_stack([1.7e12 + random.integers(0, 1000, 400), random.normal(size=400)])
    lightgbm_vector("float64", big, big[:, 0] - 1.7e12, objective="regression")


def make_older_xgboost():
    """Formats that differ: base_score is one number, given as text."""
    version = ".".join(xgb.__version__.split(".")[:2])
    files = ("json", "ubj")
    xgboost_vector(f"{version}-binary", holes(cancer.data), cancer.target, objective="binary:logistic", file=files)
    xgboost_vector(f"{version}-logitraw", cancer.data, cancer.target, objective="binary:logitraw", rounds=2)
    xgboost_vector(f"{version}-softprob", iris.data, iris.target, objective="multi:softprob", num_class=3, rounds=2, file=files)
    xgboost_vector(f"{version}-dart", diabetes.data, diabetes.target, objective="reg:squarederror", booster="dart", rate_drop=0.5)
    x, y = categorical_data()
    types = ["q", "q", "c", "c"]
    xgboost_vector(f"{version}-categorical", x, y, types=types, objective="reg:squarederror", max_cat_to_onehot=5, tree_method="hist")


if xgb.__version__.startswith("3."):
    make_xgboost()
    make_lightgbm()
else:
    make_older_xgboost()
