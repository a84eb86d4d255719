"""Deploys a trained model with boto3 and asks it. Run in the root of the repository, with the environment of `tideway env`."""

import io
import tarfile

import boto3

s3, sagemaker, runtime = (boto3.client(name) for name in ("s3", "sagemaker", "sagemaker-runtime"))

# A model.tar.gz, as SageMaker wants it.
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w:gz") as tar:
    tar.add("examples/models/breast-cancer/model.onnx", "model.onnx")
s3.create_bucket(Bucket="models")
s3.put_object(Bucket="models", Key="cancer/model.tar.gz", Body=archive.getvalue())

sagemaker.create_model(
    ModelName="cancer",
    ExecutionRoleArn="arn:aws:iam::000000000000:role/any",
    PrimaryContainer={"Image": "tideway/auto", "ModelDataUrl": "s3://models/cancer/model.tar.gz"},
)
sagemaker.create_endpoint_config(
    EndpointConfigName="cancer",
    ProductionVariants=[
        {
            "VariantName": "AllTraffic",
            "ModelName": "cancer",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
    ],
)
sagemaker.create_endpoint(EndpointName="cancer", EndpointConfigName="cancer")
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="cancer")

with open("examples/models/breast-cancer/rows.csv") as rows:
    answer = runtime.invoke_endpoint(
        EndpointName="cancer", ContentType="text/csv", Accept="application/json", Body=rows.readline()
    )
print(answer["Body"].read().decode())

sagemaker.delete_endpoint(EndpointName="cancer")
sagemaker.delete_endpoint_config(EndpointConfigName="cancer")
sagemaker.delete_model(ModelName="cancer")
