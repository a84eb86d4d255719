"""A scikit-learn model as SageMaker's script mode serves it: code/inference.py of the archive."""

import io
import os

import joblib
import pandas


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def input_fn(body, content_type):
    return pandas.read_csv(io.BytesIO(body if isinstance(body, bytes) else body.encode()), header=None)


def predict_fn(rows, model):
    return model.predict_proba(rows.to_numpy())[:, 1]


def output_fn(scores, accept):
    text = io.StringIO()
    pandas.Series(scores).to_csv(text, header=False, index=False)
    return text.getvalue(), "text/csv"
