"""Trains the model beside this file: is a breast tumour benign (1) or malignant (0), from 30 measurements?

    pip install xgboost==3.2.0 scikit-learn==1.9.1 numpy==2.4.6
    python train.py

Data: Breast Cancer Wisconsin (Diagnostic), W. Wolberg and others, 1995, CC BY 4.0, as scikit-learn brings it.
Writes xgboost-model (the name that SageMaker's XGBoost container looks for), rows.csv (measurements that the
model has not seen, without header or label) and expected.json (XGBoost's own answers for them).
"""

import json
import pathlib

import numpy as np
import xgboost as xgb
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).parent

data = load_breast_cancer()
x_train, x_test, y_train, y_test = train_test_split(data.data, data.target, test_size=0.2, random_state=1, stratify=data.target)
booster = xgb.train(
    {"objective": "binary:logistic", "max_depth": 3, "eta": 0.3, "subsample": 0.8, "seed": 1, "nthread": 1},
    xgb.DMatrix(x_train, label=y_train),
    num_boost_round=40,
)
rows = x_test.astype(np.float32)
predictions = booster.predict(xgb.DMatrix(rows))
print(f"accuracy on {len(rows)} unseen rows: {np.mean((predictions > 0.5) == y_test):.3f}")

(HERE / "xgboost-model").write_bytes(booster.save_raw("json"))
(HERE / "rows.csv").write_text("".join(",".join(str(value) for value in row) + "\n" for row in rows))
document = {"predictions": [float(str(value)) for value in predictions], "labels": y_test.tolist()}
(HERE / "expected.json").write_text(json.dumps(document) + "\n")
