#!/usr/bin/env bash
# Deploys a trained model with the AWS CLI and asks it. Run in the root of the repository, with the environment of `tideway env`.
set -euo pipefail

answer=$(mktemp -d)
trap 'rm -rf "$answer"' EXIT

tar -czf "$answer/model.tar.gz" -C examples/models/breast-cancer model.onnx
aws s3 mb s3://cli-models
aws s3 cp "$answer/model.tar.gz" s3://cli-models/cancer/model.tar.gz

aws sagemaker create-model --model-name cli-cancer \
  --execution-role-arn arn:aws:iam::000000000000:role/any \
  --primary-container Image=tideway/auto,ModelDataUrl=s3://cli-models/cancer/model.tar.gz
aws sagemaker create-endpoint-config --endpoint-config-name cli-cancer \
  --production-variants VariantName=AllTraffic,ModelName=cli-cancer,InstanceType=ml.m5.large,InitialInstanceCount=1
aws sagemaker create-endpoint --endpoint-name cli-cancer --endpoint-config-name cli-cancer
aws sagemaker wait endpoint-in-service --endpoint-name cli-cancer

head -n 1 examples/models/breast-cancer/rows.csv > "$answer/row.csv"
aws sagemaker-runtime invoke-endpoint --endpoint-name cli-cancer \
  --content-type text/csv --accept application/json --body "fileb://$answer/row.csv" "$answer/prediction.json"
cat "$answer/prediction.json"

aws sagemaker delete-endpoint --endpoint-name cli-cancer
aws sagemaker delete-endpoint-config --endpoint-config-name cli-cancer
aws sagemaker delete-model --model-name cli-cancer
