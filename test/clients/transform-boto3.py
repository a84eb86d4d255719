"""Batch transform through boto3: waiter, list, stop, errors. Prints one JSON object of what it saw."""

import io
import json
import sys
import tarfile

import boto3
from botocore.exceptions import ClientError, WaiterError

root = sys.argv[1]
s3, sm = boto3.client("s3"), boto3.client("sagemaker")
seen = {}

packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w:gz") as tar:
    tar.add(f"{root}/examples/models/breast-cancer/model.onnx", "model.onnx")
s3.create_bucket(Bucket="jobs")
s3.put_object(Bucket="jobs", Key="model.tar.gz", Body=packed.getvalue())
s3.upload_file(f"{root}/examples/models/breast-cancer/rows.csv", "jobs", "in/rows.csv")
s3.put_object(Bucket="jobs", Key="bad/rows.csv", Body=b"1,2,x\n")
sm.create_model(
    ModelName="cancer",
    PrimaryContainer={"Image": "tideway/onnx", "ModelDataUrl": "s3://jobs/model.tar.gz"},
)


def create(name, prefix):
    return sm.create_transform_job(
        TransformJobName=name,
        ModelName="cancer",
        BatchStrategy="MultiRecord",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://jobs/{prefix}/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": "s3://jobs/out", "AssembleWith": "Line", "Accept": "text/csv"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )


def error(call, **arguments):
    try:
        call(**arguments)
    except ClientError as refused:
        return [refused.response["Error"]["Code"], refused.response["Error"]["Message"]]
    return "no error"


waiter = sm.get_waiter("transform_job_completed_or_stopped")
seen["arn"] = create("good", "in")["TransformJobArn"]
waiter.wait(TransformJobName="good")
seen["good"] = sm.describe_transform_job(TransformJobName="good")["TransformJobStatus"]
seen["rows"] = s3.get_object(Bucket="jobs", Key="out/rows.csv.out")["Body"].read().decode()
create("bad", "bad")
try:
    waiter.wait(TransformJobName="bad")
except WaiterError as failed:
    seen["waiter"] = failed.last_response["TransformJobStatus"]
    seen["reason"] = failed.last_response["FailureReason"]
pages = sm.get_paginator("list_transform_jobs").paginate(
    SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 1}
)
seen["list"] = [
    [job["TransformJobName"], job["TransformJobStatus"]] for page in pages for job in page["TransformJobSummaries"]
]
seen["stop"] = error(sm.stop_transform_job, TransformJobName="good")
seen["twice"] = error(create, name="good", prefix="in")
seen["missing"] = error(sm.describe_transform_job, TransformJobName="none")
print(json.dumps(seen))
