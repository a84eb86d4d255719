"""boto3 against an S3 endpoint: python3 s3-boto3.py URL FOLDER. Prints what it checked; fails loudly."""
import hashlib, io, os, sys, urllib.error, urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

url, folder = sys.argv[1:]
keys = dict(aws_access_key_id="AKIATIDEWAYTEST", aws_secret_access_key="a secret of the tests", region_name="us-east-1")
s3 = boto3.client("s3", endpoint_url=url, **keys)
v4 = boto3.client("s3", endpoint_url=url, config=Config(signature_version="s3v4"), **keys)


def check(name, holds):
    if not holds:
        sys.exit(f"failed: {name}")
    print("ok", name)


def code(call):
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]


s3.create_bucket(Bucket="boto3")
check("create again", s3.create_bucket(Bucket="boto3")["ResponseMetadata"]["HTTPStatusCode"] == 200)
check("list buckets", "boto3" in [b["Name"] for b in s3.list_buckets()["Buckets"]])
check("head bucket", code(lambda: s3.head_bucket(Bucket="missing-bucket")) == "404")

data = os.urandom(12 << 20)
path = os.path.join(folder, "model.bin")
open(path, "wb").write(data)
config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
s3.upload_file(path, "boto3", "models/model.bin", Config=config, ExtraArgs={"Metadata": {"a": "b"}, "ContentType": "x/y"})
head = s3.head_object(Bucket="boto3", Key="models/model.bin")
check("multipart etag", head["ETag"].endswith('-3"') and head["Metadata"] == {"a": "b"} and head["ContentType"] == "x/y")
s3.download_file("boto3", "models/model.bin", path + ".back", Config=config)
check("download_file", hashlib.sha256(open(path + ".back", "rb").read()).digest() == hashlib.sha256(data).digest())
s3.copy({"Bucket": "boto3", "Key": "models/model.bin"}, "boto3", "models/copy.bin", Config=config)
check("managed copy", s3.get_object(Bucket="boto3", Key="models/copy.bin")["Body"].read() == data)
s3.copy_object(Bucket="boto3", Key="models/copy 2+ü.bin", CopySource={"Bucket": "boto3", "Key": "models/copy.bin"})
check("copy_object", s3.head_object(Bucket="boto3", Key="models/copy 2+ü.bin")["ContentLength"] == len(data))
s3.upload_fileobj(io.BytesIO(b"small"), "boto3", "small")
check("upload_fileobj", s3.get_object(Bucket="boto3", Key="small", ChecksumMode="ENABLED")["Body"].read() == b"small")

for algorithm in ("CRC32", "SHA1", "SHA256"):
    put = s3.put_object(Bucket="boto3", Key="sum", Body=b"bytes", ChecksumAlgorithm=algorithm)
    check(f"checksum {algorithm}", f"Checksum{algorithm}" in put)
once = boto3.client("s3", endpoint_url=url, config=Config(retries={"max_attempts": 0}), **keys)  # boto3 retries BadDigest
wrong = lambda: once.put_object(Bucket="boto3", Key="wrong", Body=b"bytes", ChecksumCRC32="AAAAAA==")
check("wrong checksum", code(wrong) == "BadDigest" and code(lambda: s3.head_object(Bucket="boto3", Key="wrong")) == "404")

for i in range(7):
    s3.put_object(Bucket="boto3", Key=f"list/{i % 2}/ä {i}+", Body=b"")
pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="boto3", Prefix="list/", PaginationConfig={"PageSize": 3}))
check("list pages", [len(p["Contents"]) for p in pages] == [3, 3, 1] and pages[0]["Contents"][0]["Key"] == "list/0/ä 0+")
rolled = s3.get_paginator("list_objects_v2").paginate(Bucket="boto3", Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": 1})
check("list prefixes", [p["Prefix"] for page in rolled for p in page.get("CommonPrefixes", [])] == ["list/0/", "list/1/"])
v1 = list(s3.get_paginator("list_objects").paginate(Bucket="boto3", Prefix="list/", PaginationConfig={"PageSize": 3}))
check("list v1", sum(len(p["Contents"]) for p in v1) == 7)
check("resource", len(list(boto3.resource("s3", endpoint_url=url, **keys).Bucket("boto3").objects.filter(Prefix="list/"))) == 7)

check("range", s3.get_object(Bucket="boto3", Key="small", Range="bytes=1-2")["Body"].read() == b"ma")
check("bad range", code(lambda: s3.get_object(Bucket="boto3", Key="small", Range="bytes=9-")) == "InvalidRange")
check("no such key", code(lambda: s3.get_object(Bucket="boto3", Key="nothing")) == "NoSuchKey")
check("if-none-match", code(lambda: s3.put_object(Bucket="boto3", Key="small", IfNoneMatch="*")) == "PreconditionFailed")
check("not modified", code(lambda: s3.get_object(Bucket="boto3", Key="small", IfNoneMatch=s3.head_object(Bucket="boto3", Key="small")["ETag"])) == "304")

tags = [{"Key": "stage", "Value": "prod + more"}]
s3.put_object_tagging(Bucket="boto3", Key="small", Tagging={"TagSet": tags})
check("tags", s3.get_object_tagging(Bucket="boto3", Key="small")["TagSet"] == tags)
check("no bucket tags", code(lambda: s3.get_bucket_tagging(Bucket="boto3")) == "NoSuchTagSet")

for name, client in (("v2", s3), ("v4", v4)):
    get = client.generate_presigned_url("get_object", Params={"Bucket": "boto3", "Key": "models/copy 2+ü.bin", "ResponseContentType": "text/x"})
    check(f"presigned {name}", ("AWSAccessKeyId" in get) == (name == "v2"))
    with urllib.request.urlopen(get) as answer:
        check(f"presigned get {name}", answer.read() == data and answer.headers["content-type"] == "text/x")
    put = client.generate_presigned_url("put_object", Params={"Bucket": "boto3", "Key": f"signed {name}"})
    urllib.request.urlopen(urllib.request.Request(put, data=b"signed", method="PUT", headers={"content-type": ""})).read()
    check(f"presigned put {name}", s3.get_object(Bucket="boto3", Key=f"signed {name}")["Body"].read() == b"signed")
    try:
        urllib.request.urlopen(get.replace("copy%202", "copy%203"))
        check(f"altered url {name}", False)
    except urllib.error.HTTPError as error:
        check(f"altered url {name}", error.code == 403 and b"SignatureDoesNotMatch" in error.read())

check("bucket not empty", code(lambda: s3.delete_bucket(Bucket="boto3")) == "BucketNotEmpty")
for page in s3.get_paginator("list_objects_v2").paginate(Bucket="boto3"):
    gone = s3.delete_objects(Bucket="boto3", Delete={"Objects": [{"Key": o["Key"]} for o in page["Contents"]]})
    check("delete objects", len(gone["Deleted"]) == len(page["Contents"]))
s3.delete_bucket(Bucket="boto3")
check("gone", code(lambda: s3.list_objects_v2(Bucket="boto3")) == "NoSuchBucket")
