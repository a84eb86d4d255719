"""Trains the demo's model: scikit-learn's breast cancer data, 30 measurements to the probability of each class.

    pip install scikit-learn skl2onnx
    python train.py

writes model.onnx, rows.csv (held-out rows, no header) and expected.json (scikit-learn's own answers for them).
"""

import json
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

here = Path(__file__).parent
data = load_breast_cancer()
train_x, test_x, train_y, test_y = train_test_split(
    data.data.astype(np.float32), data.target, test_size=0.25, random_state=0, stratify=data.target
)
model = make_pipeline(StandardScaler(), MLPClassifier((32, 16), alpha=0.1, max_iter=1000, random_state=0))
model.fit(train_x, train_y)

onnx = to_onnx(model, train_x[:1], options={"zipmap": False}, target_opset=18)
# The probabilities are the answer: the label is their larger one.
del onnx.graph.output[0]
(here / "model.onnx").write_bytes(onnx.SerializeToString())

rows = test_x[:8]
(here / "rows.csv").write_text("".join(",".join(str(value) for value in row) + "\n" for row in rows))
expected = {
    "classes": data.target_names.tolist(),
    "test_accuracy": round(float(model.score(test_x, test_y)), 4),
    "probabilities": model.predict_proba(rows).tolist(),
    "labels": test_y[:8].tolist(),
}
(here / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
print(f"accuracy on {len(test_y)} held-out rows: {expected['test_accuracy']}")
