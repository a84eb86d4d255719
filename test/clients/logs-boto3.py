"""CloudWatch Logs through boto3: groups, streams, events, patterns, Live Tail, errors. Prints one JSON object of what it saw."""

import json
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# Live Tail's host would be stream-<endpoint>, which a custom endpoint does not have
logs = boto3.client("logs", config=Config(inject_host_prefix=False))
seen = {}


def refused(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return [error.response["Error"]["Code"], error.response["Error"]["Message"]]


group = {"logGroupName": "/shop"}
stream = {**group, "logStreamName": "web"}
seen["no group"] = refused(logs.create_log_stream, **stream)
logs.create_log_group(**group, tags={"team": "shop"})
seen["twice"] = refused(logs.create_log_group, **group)
seen["no stream"] = refused(logs.get_log_events, **stream)
logs.create_log_stream(**stream)

found = logs.describe_log_groups(logGroupNamePrefix="/sh")["logGroups"][0]
arn = found["logGroupArn"]
seen["group"] = [found["logGroupName"], found["arn"], found["storedBytes"]]
logs.tag_resource(resourceArn=arn, tags={"stage": "test"})
logs.untag_resource(resourceArn=arn, tagKeys=["team"])
seen["tags"] = logs.list_tags_for_resource(resourceArn=arn)["tags"]
logs.put_retention_policy(**group, retentionInDays=7)
seen["retention"] = logs.describe_log_groups()["logGroups"][0]["retentionInDays"]
seen["no such retention"] = refused(logs.put_retention_policy, **group, retentionInDays=2)[0]
logs.delete_retention_policy(**group)

now = int(time.time() * 1000)
messages = ["GET /a 200", "GET /b 404", json.dumps({"level": "ERROR", "ms": 12})]
tail = logs.start_live_tail(logGroupIdentifiers=[arn])["responseStream"]
events = iter(tail)
seen["start"] = next(events)["sessionStart"]["logGroupIdentifiers"]
old = {"timestamp": now - 15 * 86_400_000, "message": "old"}
seen["rejected"] = logs.put_log_events(**stream, logEvents=[old])["rejectedLogEventsInfo"]
logs.put_log_events(
    **stream, logEvents=[{"timestamp": now + at, "message": text} for at, text in enumerate(messages)]
)
for event in events:
    results = event["sessionUpdate"]["sessionResults"]
    if results:
        seen["tailed"] = [result["message"] for result in results]
        break
tail.close()


def filtered(pattern, **more):
    pages = logs.get_paginator("filter_log_events").paginate(**group, filterPattern=pattern, **more)
    return [event["message"] for page in pages for event in page["events"]]


seen["all"] = filtered("", PaginationConfig={"PageSize": 1})
seen["term"] = filtered("GET -404")
seen["columns"] = filtered("[method, path, status = 4*]")
seen["json"] = filtered('{ $.level = "ERR*" && $.ms > 10 }')
seen["from"] = filtered("", startTime=now + 1, endTime=now + 1)
seen["bad pattern"] = refused(logs.filter_log_events, **group, filterPattern="{ $.a = ")[0]
seen["order"] = refused(
    logs.put_log_events,
    **stream,
    logEvents=[{"timestamp": now, "message": "b"}, {"timestamp": now - 1, "message": "a"}],
)
seen["streams"] = [
    [one["logStreamName"], one["lastEventTimestamp"] - now]
    for one in logs.describe_log_streams(**group, orderBy="LastEventTime", descending=True)["logStreams"]
]
logs.delete_log_stream(**stream)
logs.delete_log_group(**group)
seen["gone"] = logs.describe_log_groups()["logGroups"]
print(json.dumps(seen))
