"""Models of the SageMaker Python SDK (v2): a plain image, a framework whose script lies apart, one that is repacked."""

import json
import os
import sys
import tarfile
import warnings

os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
warnings.simplefilter("ignore")

import boto3
import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.pytorch import PyTorchModel
from sagemaker.serializers import CSVSerializer, JSONSerializer
from sagemaker.sklearn import SKLearnModel

root, work = sys.argv[1:]
boto3.client("s3").create_bucket(Bucket="sdk")
session = sagemaker.Session(default_bucket="sdk")
role = "arn:aws:iam::000000000000:role/any"
seen = {}


def upload(folder, name):
    path = os.path.join(work, name + ".tar.gz")
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, "/")
    return session.upload_data(path, key_prefix=name)


def ask(model, name, row, serializer, **more):
    predictor = model.deploy(1, "ml.m5.large", endpoint_name=name, serializer=serializer, wait=False, **more)
    boto3.client("sagemaker").get_waiter("endpoint_in_service").wait(EndpointName=name)
    answer = predictor.predict(row)
    predictor.delete_endpoint()
    return answer


example = f"{root}/examples/models/breast-cancer-xgboost"
image = sagemaker.image_uris.retrieve("xgboost", "us-east-1", version="1.7-1")
packed = os.path.join(work, "xgboost")
os.makedirs(packed)
with open(f"{example}/xgboost-model", "rb") as source, open(f"{packed}/xgboost-model", "wb") as target:
    target.write(source.read())
trees = Model(image_uri=image, model_data=upload(packed, "xgboost"), role=role, sagemaker_session=session, predictor_cls=Predictor)
with open(f"{example}/rows.csv") as rows:
    seen["xgboost"] = float(ask(trees, "sdk-xgboost", rows.readline().strip(), CSVSerializer()))

code = os.path.join(work, "code")
os.makedirs(code)
with open(f"{code}/inference.py", "w") as script:
    script.write(
        "import json\n"
        "def model_fn(model_dir): return 2.0\n"
        "def input_fn(body, content_type): return json.loads(body)\n"
        "def predict_fn(data, model): return [value * model for value in data]\n"
        "def output_fn(prediction, accept): return json.dumps(prediction)\n"
    )
empty = os.path.join(work, "empty")
os.makedirs(empty)
with open(f"{empty}/weights.bin", "wb") as weights:
    weights.write(b"\0")
for name, framework, version in (
    ("sklearn", SKLearnModel, {"framework_version": "1.2-1"}),
    ("pytorch", PyTorchModel, {"framework_version": "2.0", "py_version": "py310"}),
):
    model = framework(
        model_data=upload(empty, name), role=role, entry_point="inference.py", source_dir=code, sagemaker_session=session, **version
    )
    seen[name] = ask(model, f"sdk-{name}", [1, 2], JSONSerializer(), deserializer=JSONDeserializer())
print(json.dumps(seen))
