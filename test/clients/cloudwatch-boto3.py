"""What users do with CloudWatch in boto3, against the server at argv[1]."""

import json
import sys
import time
from datetime import datetime, timedelta, timezone

import boto3
from botocore.exceptions import ClientError

url = sys.argv[1]
keys = {"aws_access_key_id": sys.argv[2], "aws_secret_access_key": sys.argv[3]}
common = {"endpoint_url": url, "region_name": "us-east-1", **keys}
cloudwatch = boto3.client("cloudwatch", **common)
sns = boto3.client("sns", **common)
sqs = boto3.client("sqs", **common)


def refusal(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


# metrics
minute = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=5)
dimensions = [{"Name": "Endpoint", "Value": "iris"}]
cloudwatch.put_metric_data(
    Namespace="boto3",
    MetricData=[
        {"MetricName": "latency", "Dimensions": dimensions, "Values": [1.0, 2.0, 3.0], "Counts": [5, 4, 1], "Timestamp": minute, "Unit": "Milliseconds"},
        {"MetricName": "errors", "Dimensions": dimensions, "Value": 2, "Timestamp": minute},
    ],
)
# large enough to come compressed
cloudwatch.put_metric_data(
    Namespace="boto3-many",
    MetricData=[{"MetricName": f"a metric with a long name, number {n}", "Dimensions": dimensions, "Value": n} for n in range(300)],
)
pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace="boto3-many")
assert sum(len(page["Metrics"]) for page in pages) == 300
[point] = cloudwatch.get_metric_statistics(
    Namespace="boto3", MetricName="latency", Dimensions=dimensions, StartTime=minute, EndTime=minute + timedelta(minutes=1),
    Period=60, Statistics=["Sum", "SampleCount", "Average", "Minimum", "Maximum"],
)["Datapoints"]
assert point == {"Timestamp": minute, "SampleCount": 10.0, "Average": 1.6, "Sum": 16.0, "Minimum": 1.0, "Maximum": 3.0, "Unit": "Milliseconds"}, point
metric = lambda name: {"Namespace": "boto3", "MetricName": name, "Dimensions": dimensions}
answer = cloudwatch.get_metric_data(
    MetricDataQueries=[
        {"Id": "p90", "MetricStat": {"Metric": metric("latency"), "Period": 60, "Stat": "p90"}},
        {"Id": "calls", "MetricStat": {"Metric": metric("latency"), "Period": 60, "Stat": "SampleCount"}, "ReturnData": False},
        {"Id": "errors", "MetricStat": {"Metric": metric("errors"), "Period": 60, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "rate", "Expression": "100 * errors / calls", "Label": "errors in percent"},
    ],
    StartTime=minute - timedelta(minutes=5),
    EndTime=minute + timedelta(minutes=5),
)["MetricDataResults"]
by_id = {one["Id"]: one for one in answer}
assert abs(by_id["p90"]["Values"][0] / 2 - 1) < 0.01 and by_id["p90"]["Timestamps"] == [minute], by_id
assert by_id["rate"]["Values"] == [20.0] and by_id["rate"]["Label"] == "errors in percent", by_id
print("ok metrics")

# an alarm that tells a queue
topic = sns.create_topic(Name="oncall")["TopicArn"]
queue = sqs.create_queue(QueueName="oncall")["QueueUrl"]
queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
alarm = {
    "AlarmName": "slow", **metric("latency"), "Statistic": "Maximum", "Period": 10, "EvaluationPeriods": 1, "Threshold": 2.5,
    "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": [topic], "TreatMissingData": "ignore", "DatapointsToAlarm": 1,
}
cloudwatch.put_metric_alarm(**alarm, Tags=[{"Key": "team", "Value": "tides"}])
cloudwatch.put_composite_alarm(AlarmName="any", AlarmRule="ALARM(slow)")
# the metric, at high resolution, is what sets it off
deadline = time.monotonic() + 60
while True:
    datum = {"MetricName": "latency", "Dimensions": dimensions, "Value": 9, "StorageResolution": 1}
    cloudwatch.put_metric_data(Namespace="boto3", MetricData=[datum])
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
    if messages or time.monotonic() > deadline:
        break
notification = json.loads(messages[0]["Body"])
told = json.loads(notification["Message"])
assert notification["Subject"] == 'ALARM: "slow" in US East (N. Virginia)', notification
assert (told["AlarmName"], told["NewStateValue"], told["OldStateValue"]) == ("slow", "ALARM", "INSUFFICIENT_DATA"), told
assert told["NewStateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [9.0 ("), told
[described] = cloudwatch.describe_alarms(AlarmNames=["slow"])["MetricAlarms"]
assert {key: described[key] for key in alarm} == alarm, described
assert json.loads(described["StateReasonData"])["threshold"] == 2.5
while cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]["StateValue"] != "ALARM":
    assert time.monotonic() < deadline
history = cloudwatch.describe_alarm_history(AlarmName="slow", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
assert history[-1]["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM", history
assert cloudwatch.list_tags_for_resource(ResourceARN=described["AlarmArn"])["Tags"] == [{"Key": "team", "Value": "tides"}]
cloudwatch.disable_alarm_actions(AlarmNames=["slow"])
cloudwatch.set_alarm_state(AlarmName="slow", StateValue="OK", StateReason="by hand")
cloudwatch.get_waiter("alarm_exists").wait(AlarmNames=["slow"])
assert refusal(cloudwatch.delete_alarms, AlarmNames=["slow"]) == "ValidationError"
cloudwatch.delete_alarms(AlarmNames=["any"])
cloudwatch.delete_alarms(AlarmNames=["slow"])
assert cloudwatch.describe_alarms()["MetricAlarms"] == []
print("ok alarms")

# errors as the code of users expects them
assert refusal(cloudwatch.set_alarm_state, AlarmName="gone", StateValue="OK", StateReason="x") == "ResourceNotFound"
assert refusal(cloudwatch.put_metric_alarm, **{**alarm, "Period": 15}) == "ValidationError"
assert refusal(cloudwatch.set_alarm_state, AlarmName="x", StateValue="RED", StateReason="x") == "ValidationError"
both = {"MetricName": "m", "Value": 1, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}}
assert refusal(cloudwatch.put_metric_data, Namespace="boto3", MetricData=[both]) == "InvalidParameterCombination"
assert refusal(cloudwatch.list_dashboards) == "UnknownOperationException"
print("ok errors")
