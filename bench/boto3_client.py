"""Asks an endpoint with boto3, once per line of standard input, and prints the latency of each in milliseconds.

One client for each URL given, asked in turn: `boto3_client.py ENDPOINT REGION KEY SECRET URL...`
"""

import sys
import time

import boto3
from botocore.config import Config

endpoint, region, key, secret, *urls = sys.argv[1:]
clients = [
    boto3.client(
        "sagemaker-runtime",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 0}),
    )
    for url in urls
]
rows = sys.stdin.read().split()


def ask(client, row):
    start = time.perf_counter()
    client.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=row)["Body"].read()
    return (time.perf_counter() - start) * 1000


for client in clients:
    for row in rows[:50]:
        ask(client, row)
for row in rows:
    print(*(ask(client, row) for client in clients))
