"""Makes the small ONNX models of the tests, good and hostile, and the frameworks' own answers.

    pip install onnx numpy pandas scikit-learn skl2onnx
    python make-onnx.py
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
from onnx import TensorProto as T
from onnx import helper as h
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

here = Path(__file__).parent
value = h.make_tensor_value_info


def save(name, nodes, inputs, outputs, constants=(), opsets=(("", 13),)):
    graph = h.make_graph(nodes, name, inputs, outputs, list(constants))
    model = h.make_model(graph, opset_imports=[h.make_opsetid(*one) for one in opsets])
    model.ir_version = 8
    (here / f"{name}.onnx").write_bytes(model.SerializeToString())
    return model


# A linear map of three columns to two: answers can be checked in the head.
weights = h.make_tensor("W", T.FLOAT, [3, 2], [1, 2, 3, 4, 5, 6])
save(
    "linear",
    [h.make_node("MatMul", ["x", "W"], ["y"])],
    [value("x", T.FLOAT, ["rows", 3])],
    [value("y", T.FLOAT, ["rows", 2])],
    [weights],
)
# The same for one row only: requests can not be merged.
save(
    "one-row",
    [h.make_node("MatMul", ["x", "W"], ["y"])],
    [value("x", T.FLOAT, [1, 3])],
    [value("y", T.FLOAT, [1, 2])],
    [weights],
)
# Each row sees the others: merging requests would change answers.
save(
    "across-rows",
    [h.make_node("Softmax", ["x"], ["y"], axis=0)],
    [value("x", T.FLOAT, ["rows", 2])],
    [value("y", T.FLOAT, ["rows", 2])],
)
# Two inputs and two outputs of several types.
save(
    "two-inputs",
    [h.make_node("Add", ["a", "a"], ["double"]), h.make_node("Not", ["b"], ["negated"])],
    [value("a", T.INT64, ["rows", 2]), value("b", T.BOOL, ["rows", 1])],
    [value("double", T.INT64, ["rows", 2]), value("negated", T.BOOL, ["rows", 1])],
)
# An image: CSV rows of 12 are reshaped to 3 x 2 x 2.
save(
    "image",
    [h.make_node("ReduceSum", ["pixels", "axes"], ["sum"], keepdims=0)],
    [value("pixels", T.FLOAT, ["rows", 3, 2, 2])],
    [value("sum", T.FLOAT, ["rows", 3])],
    [h.make_tensor("axes", T.INT64, [2], [2, 3])],
)
# Text goes through as it is.
save(
    "text",
    [h.make_node("Identity", ["words"], ["same"])],
    [value("words", T.STRING, ["rows", 2])],
    [value("same", T.STRING, ["rows", 2])],
)
# Log of a negative number is NaN, of zero minus infinity.
save(
    "log",
    [h.make_node("Log", ["x"], ["y"])],
    [value("x", T.FLOAT, ["rows", 1])],
    [value("y", T.FLOAT, ["rows", 1])],
)
# Asks for 4 TiB when the request's number is not zero.
save(
    "huge",
    [
        h.make_node("Mul", ["n", "many"], ["size"]),
        h.make_node("Reshape", ["size", "flat"], ["shape"]),
        h.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        h.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
    ],
    [value("n", T.INT64, [1, 1])],
    [value("sum", T.FLOAT, [])],
    [h.make_tensor("many", T.INT64, [1, 1], [2**40]), h.make_tensor("flat", T.INT64, [1], [1])],
)
# Runs 2**62 turns of a loop when the request's number is not zero: in practice for ever.
body = h.make_graph(
    [
        h.make_node("Identity", ["going"], ["still"]),
        h.make_node("Identity", ["carried"], ["next"]),
    ],
    "body",
    [value("turn", T.INT64, []), value("going", T.BOOL, []), value("carried", T.FLOAT, [1])],
    [value("still", T.BOOL, []), value("next", T.FLOAT, [1])],
)
save(
    "loop",
    [
        h.make_node("ReduceMax", ["x"], ["largest"], keepdims=0),
        h.make_node("Cast", ["largest"], ["asked"], to=T.BOOL),
        h.make_node("Loop", ["turns", "asked", "one"], ["y"], body=body),
    ],
    [value("x", T.FLOAT, [1, 1])],
    [value("y", T.FLOAT, [1])],
    [h.make_tensor("turns", T.INT64, [], [2**62]), h.make_tensor("one", T.FLOAT, [1], [1])],
)
# What no version of the runtime knows.
save(
    "unknown-operator",
    [h.make_node("Teleport", ["x"], ["y"], domain="example.invalid")],
    [value("x", T.FLOAT, [1])],
    [value("y", T.FLOAT, [1])],
    opsets=(("", 13), ("example.invalid", 1)),
)
# Weights that are said to lie outside of the model's folder.
outside = h.make_tensor("W", T.FLOAT, [3, 2], [0] * 6)
outside.ClearField("float_data")
outside.data_location = T.EXTERNAL
for key, where in (("location", "../../etc/passwd"), ("offset", "0"), ("length", "24")):
    entry = outside.external_data.add()
    entry.key, entry.value = key, where
save(
    "external-outside",
    [h.make_node("MatMul", ["x", "W"], ["y"])],
    [value("x", T.FLOAT, ["rows", 3])],
    [value("y", T.FLOAT, ["rows", 2])],
    [outside],
)
save(
    "float16",
    [h.make_node("Identity", ["x"], ["y"])],
    [value("x", T.FLOAT16, ["rows", 1])],
    [value("y", T.FLOAT16, ["rows", 1])],
)
whole = (here / "linear.onnx").read_bytes()
(here / "truncated.onnx").write_bytes(whole[: len(whole) // 2])
(here / "words.onnx").write_text("This is no model.\n")

# A scikit-learn classifier as most people convert it: label and probabilities.
iris = load_iris()
x = iris.data.astype(np.float32)
classifier = LogisticRegression(max_iter=1000).fit(x, iris.target)
(here / "iris.onnx").write_bytes(
    to_onnx(classifier, x[:1], options={"zipmap": False}, target_opset=18).SerializeToString()
)
(here / "iris-zipmap.onnx").write_bytes(to_onnx(classifier, x[:1], target_opset=18).SerializeToString())

# A pipeline with an input per column, one of them text.
frame = pd.DataFrame({"size": x[:, 0], "kind": np.where(iris.target == 0, "a,b", "c")})
columns = make_pipeline(
    ColumnTransformer([("text", OneHotEncoder(), ["kind"]), ("number", "passthrough", ["size"])]),
    LogisticRegression(max_iter=1000),
).fit(frame, iris.target)
(here / "columns.onnx").write_bytes(
    to_onnx(
        columns,
        initial_types=[("size", FloatTensorType([None, 1])), ("kind", StringTensorType([None, 1]))],
        options={"zipmap": False},
        target_opset=18,
    ).SerializeToString()
)

rows = list(range(0, 150, 15))
(here / "expected.json").write_text(
    json.dumps(
        {
            "iris": {
                "rows": x[rows].tolist(),
                "labels": classifier.predict(x[rows]).tolist(),
                "probabilities": classifier.predict_proba(x[rows]).tolist(),
            },
            "columns": {
                "sizes": [float(frame["size"][i]) for i in rows],
                "kinds": [frame["kind"][i] for i in rows],
                "labels": columns.predict(frame.iloc[rows]).tolist(),
                "probabilities": columns.predict_proba(frame.iloc[rows]).tolist(),
            },
        },
        indent=1,
    )
    + "\n"
)

# How NumPy writes the numbers and arrays that the codecs must read and write.
numbers = [0.1, 1.0, -0.0, 1e-5, 1e-4, 123456789.0, 16777217.0, 1e16, 3.4e38, 1e-45, 0.99999994, 2 / 3, 1e10]
rng = np.random.default_rng(0)
numbers += rng.standard_normal(200).astype(np.float32).tolist() + (10 ** rng.uniform(-30, 30, 200)).tolist()
single = np.array(numbers, dtype=np.float32)
(here / "number-texts.json").write_text(
    json.dumps(
        {"float32": [[float(v), np.format_float_scientific(v, trim="-")] for v in single], "float64": [[v, repr(v)] for v in numbers]},
        indent=0,
    )
    + "\n"
)
arrays = {
    "f4": np.arange(6, dtype="<f4").reshape(2, 3) / 4,
    "f8-fortran": np.asfortranarray(np.arange(6, dtype="<f8").reshape(2, 3) / 4),
    "f4-big": (np.arange(6).reshape(2, 3) / 4).astype(">f4"),
    "i8": np.arange(6, dtype="<i8").reshape(2, 3),
    "i4": np.arange(6, dtype="<i4").reshape(2, 3),
    "u1": np.arange(6, dtype="u1").reshape(2, 3),
    "b1": np.array([[True, False, True], [False, False, True]]),
    "one-dimension": np.arange(3, dtype="<f4"),
    "objects": np.array([{"a": 1}, None, 2], dtype=object),
    "strings": np.array(["a", "b"]),
}
encoded = {}
for name, array in arrays.items():
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    encoded[name] = {"npy": base64.b64encode(buffer.getvalue()).decode()}
    if name not in ("objects", "strings"):
        encoded[name] |= {"shape": list(array.shape), "values": array.astype(float).ravel().tolist()}
for version in ((2, 0), (3, 0)):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, arrays["f4"], version=version)
    encoded[f"version-{version[0]}"] = {
        "npy": base64.b64encode(buffer.getvalue()).decode(),
        "shape": [2, 3],
        "values": arrays["f4"].ravel().tolist(),
    }
(here / "npy.json").write_text(json.dumps(encoded, indent=1) + "\n")
