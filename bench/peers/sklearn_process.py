"""`train ROWS MODEL` makes a model; `predict MODEL ROWS OUTPUT` is what people write in place of a transform job."""

import sys

import joblib
import pandas


def train(rows_path, model_path):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = pandas.read_csv(rows_path, header=None, nrows=2000).to_numpy()
    labels = rows[:, 0] > sorted(rows[:, 0])[len(rows) // 2]
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels), model_path)


def predict(model_path, rows_path, output_path):
    rows = pandas.read_csv(rows_path, header=None)
    scores = joblib.load(model_path).predict_proba(rows.to_numpy())[:, 1]
    pandas.Series(scores).to_csv(output_path, header=False, index=False)


{"train": train, "predict": predict}[sys.argv[1]](*sys.argv[2:])
