"""Real-time endpoints through boto3: waiters, paginators, streams, errors, roles. Prints one JSON object of what it saw."""

import io
import json
import sys
import tarfile

import boto3
from botocore.exceptions import ClientError, WaiterError

root = sys.argv[1]
s3, sm, rt, sts, iam = (boto3.client(name) for name in ("s3", "sagemaker", "sagemaker-runtime", "sts", "iam"))
seen = {}


def error(call, **arguments):
    """Code, status and message of the error that a call ends with."""
    try:
        call(**arguments)
    except ClientError as refused:
        response = refused.response
        more = {key: value for key, value in response.items() if key.startswith("Original")}
        return {
            "code": response["Error"]["Code"],
            "status": response["ResponseMetadata"]["HTTPStatusCode"],
            "message": response["Error"]["Message"],
            **more,
        }
    return "no error"


def archive(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def deploy(name, image, key, wait=True):
    sm.create_model(
        ModelName=name,
        ExecutionRoleArn="arn:aws:iam::000000000000:role/any",
        PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://boto/{key}"},
    )
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sm.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=[{"Key": "from", "Value": "boto3"}])
    if wait:
        sm.get_waiter("endpoint_in_service").wait(EndpointName=name)


with open(f"{root}/examples/models/breast-cancer/model.onnx", "rb") as model:
    onnx = model.read()
with open(f"{root}/examples/models/breast-cancer/rows.csv") as rows:
    csv = rows.read()
s3.create_bucket(Bucket="boto")
s3.put_object(Bucket="boto", Key="cancer.tar.gz", Body=archive({"model.onnx": onnx}))

deploy("cancer", "tideway/onnx", "cancer.tar.gz")
answer = rt.invoke_endpoint(EndpointName="cancer", ContentType="text/csv", Accept="application/json", Body=csv)
seen["predictions"] = json.loads(answer["Body"].read())["predictions"]
seen["variant"] = answer["InvokedProductionVariant"]
parts = rt.invoke_endpoint_with_response_stream(EndpointName="cancer", ContentType="text/csv", Body=csv)["Body"]
seen["streamed"] = b"".join(event["PayloadPart"]["Bytes"] for event in parts).decode()
seen["not a number"] = error(rt.invoke_endpoint, EndpointName="cancer", ContentType="text/csv", Body="a,b")
seen["no endpoint"] = error(rt.invoke_endpoint, EndpointName="absent", Body="1")
seen["no model"] = error(sm.describe_model, ModelName="absent")
seen["bad name"] = error(sm.create_endpoint, EndpointName="a_b", EndpointConfigName="cancer")
seen["bad enum"] = error(
    sm.create_endpoint_config,
    EndpointConfigName="bad",
    ProductionVariants=[{"VariantName": "a", "ModelName": "cancer", "InstanceType": "ml.huge", "InitialInstanceCount": 1}],
)
seen["not built"] = error(sm.list_hubs)
seen["again"] = error(sm.create_endpoint, EndpointName="cancer", EndpointConfigName="cancer")

# A script-mode model: what a notebook packs, under AWS's own image name.
code = b"""
import json

def model_fn(model_dir):
    return open(model_dir + "/weight.txt").read()

def input_fn(body, content_type):
    return json.loads(body)

def predict_fn(data, model):
    return [value * float(model) for value in data]

def output_fn(prediction, accept):
    return json.dumps(prediction)
"""
s3.put_object(Bucket="boto", Key="script.tar.gz", Body=archive({"weight.txt": b"2.5", "code/inference.py": code}))
deploy("script", "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", "script.tar.gz")
answer = rt.invoke_endpoint(EndpointName="script", ContentType="application/json", Body="[1, 2, 4]")
seen["script"] = json.loads(answer["Body"].read())

s3.put_object(Bucket="boto", Key="package.tar.gz", Body=archive({"code/inference.py": b"import frobnicate\n"}))
deploy("package", "tideway/python", "package.tar.gz", wait=False)
try:
    sm.get_waiter("endpoint_in_service").wait(EndpointName="package")
except WaiterError as failed:
    seen["package"] = failed.last_response["FailureReason"]

pages = sm.get_paginator("list_endpoints").paginate(SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 1})
seen["endpoints"] = [[one["EndpointName"], one["EndpointStatus"]] for page in pages for one in page["Endpoints"]]
failed = sm.list_endpoints(StatusEquals="Failed")["Endpoints"]
seen["failed"] = [one["EndpointName"] for one in failed]
tags = sm.list_tags(ResourceArn=sm.describe_endpoint(EndpointName="cancer")["EndpointArn"])["Tags"]
seen["tags"] = [tag for tag in tags if not tag["Key"].startswith("aws:")]

seen["account"] = sts.get_caller_identity()["Account"]
policy = '{"Version":"2012-10-17","Statement":[]}'
iam.create_role(RoleName="sagemaker", AssumeRolePolicyDocument=policy)
seen["role"] = iam.get_role(RoleName="sagemaker")["Role"]["Arn"]
keys = sts.assume_role(RoleArn=seen["role"], RoleSessionName="test")["Credentials"]
session = boto3.client(
    "sagemaker",
    aws_access_key_id=keys["AccessKeyId"],
    aws_secret_access_key=keys["SecretAccessKey"],
    aws_session_token=keys["SessionToken"],
)
seen["by role"] = len(session.list_endpoints()["Endpoints"])
wrong = boto3.client("sagemaker", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key="wrong", aws_session_token=keys["SessionToken"])
seen["wrong key"] = error(wrong.list_endpoints)

for name in ("cancer", "script", "package"):
    sm.delete_endpoint(EndpointName=name)
    sm.get_waiter("endpoint_deleted").wait(EndpointName=name)
    sm.delete_endpoint_config(EndpointConfigName=name)
    sm.delete_model(ModelName=name)
seen["left"] = [one["EndpointName"] for one in sm.list_endpoints()["Endpoints"]]
print(json.dumps(seen))
