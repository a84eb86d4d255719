"""What users do with SNS and SQS in boto3, against the server at argv[1]."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

url = sys.argv[1]
keys = {"aws_access_key_id": sys.argv[2], "aws_secret_access_key": sys.argv[3]}
sns = boto3.client("sns", endpoint_url=url, region_name="us-east-1", **keys)
sqs = boto3.client("sqs", endpoint_url=url, region_name="us-east-1", **keys)


def code(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


# queues: boto3 checks the digests of what it receives
queue = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "5"}, tags={"team": "tides"})["QueueUrl"]
assert queue == f"{url}/000000000000/orders", queue
assert sqs.get_queue_url(QueueName="orders")["QueueUrl"] == queue
assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"team": "tides"}
attributes = {"kind": {"DataType": "String", "StringValue": "ü"}, "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
sqs.send_message(QueueUrl=queue, MessageBody="tide 🌊", MessageAttributes=attributes)
[message] = sqs.receive_message(
    QueueUrl=queue, WaitTimeSeconds=5, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
)["Messages"]
assert message["Body"] == "tide 🌊" and message["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"
assert message["Attributes"]["ApproximateReceiveCount"] == "1"
sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60)
sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
batch = sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": str(n), "MessageBody": f"m{n}"} for n in range(10)])
assert len(batch["Successful"]) == 10
counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
assert counts["ApproximateNumberOfMessages"] == "10", counts
sqs.purge_queue(QueueUrl=queue)
assert "Messages" not in sqs.receive_message(QueueUrl=queue)
assert sorted(url for page in sqs.get_paginator("list_queues").paginate() for url in page["QueueUrls"]) == [queue]
resource = boto3.resource("sqs", endpoint_url=url, region_name="us-east-1", **keys)
resource.get_queue_by_name(QueueName="orders").send_message(MessageBody="by a resource")
assert [m.body for m in resource.Queue(queue).receive_messages(WaitTimeSeconds=5)] == ["by a resource"]
sqs.purge_queue(QueueUrl=queue)
# a client from before 2023 would know the error by this code
assert code(sqs.get_queue_url, QueueName="gone") == "AWS.SimpleQueueService.NonExistentQueue"
assert code(sqs.create_queue, QueueName="orders", Attributes={"VisibilityTimeout": "6"}) == "QueueAlreadyExists"
assert code(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"DelaySeconds": "901"}) == "InvalidAttributeValue"
try:
    sqs.get_queue_url(QueueName="gone")
except sqs.exceptions.QueueDoesNotExist:
    print("ok queues")

# topics
topic = sns.create_topic(Name="tides", Attributes={"DisplayName": "Tides"}, Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
queue_arn = counts["QueueArn"]
subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)["SubscriptionArn"]
published = sns.publish(
    TopicArn=topic, Subject="Tide", Message="high", MessageAttributes={"kind": {"DataType": "String", "StringValue": "spring"}}
)
[message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
body = json.loads(message["Body"])
assert (body["MessageId"], body["Message"], body["Subject"]) == (published["MessageId"], "high", "Tide"), body
assert body["MessageAttributes"] == {"kind": {"Type": "String", "Value": "spring"}}
sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="RawMessageDelivery", AttributeValue="true")
sns.set_subscription_attributes(
    SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=json.dumps({"kind": ["neap"]})
)
result = sns.publish_batch(
    TopicArn=topic,
    PublishBatchRequestEntries=[
        {"Id": kind, "Message": kind, "MessageAttributes": {"kind": {"DataType": "String", "StringValue": kind}}}
        for kind in ("spring", "neap")
    ],
)
assert len(result["Successful"]) == 2
[message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10, MessageAttributeNames=["kind"])["Messages"]
assert message["Body"] == "neap" and message["MessageAttributes"]["kind"]["StringValue"] == "neap"
assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"
assert [t["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for t in page["Topics"]] == [topic]
assert len(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 1
assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "a", "Value": "b"}]
assert code(sns.publish, TopicArn=topic + "x", Message="x") == "NotFound"
assert code(sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@example.com") == "InvalidParameter"
sns.unsubscribe(SubscriptionArn=subscription)
sns.delete_topic(TopicArn=topic)
assert sns.list_subscriptions()["Subscriptions"] == []
sqs.delete_queue(QueueUrl=queue)
assert "QueueUrls" not in sqs.list_queues()
print("ok gone")
