"""S3 of the emulated accounts: what AWS refuses and moto does not, and how CloudFront and the public read a bucket.

Input: requests of a program under test, as the list of requests shows them. Output: a refusal, an answer of its own, or
nothing, and then moto answers. Sources: S3's API reference; its user guide on blocking public access; CloudFront's developer
guide on origin access control.
"""

import re
from urllib.parse import unquote
from xml.sax.saxutils import unescape

from moto.iam.models import get_account_id_from
from moto.s3.models import S3Backend, s3_backends

from emulated import policy
from emulated.answers import Refused
from emulated.distribution import S3_DOMAIN, aliases, origins

MOTO_DELETE_OBJECT = S3Backend.delete_object


def delete_object(backend, bucket_name, key_name, version_id=None, bypass=False):
    """moto takes a bucket whose versioning is suspended for one that never kept versions."""
    bucket = backend.get_bucket(bucket_name)
    status = bucket.versioning_status
    if status == "Suspended" and version_id is not None:
        bucket.versioning_status = "Enabled"
    try:
        return MOTO_DELETE_OBJECT(backend, bucket_name, key_name, version_id=version_id, bypass=bypass)
    finally:
        bucket.versioning_status = status


S3Backend.delete_object = delete_object


def backend_of(bucket):
    """The account and the backend that hold a bucket."""
    partition, account = s3_backends.bucket_accounts.get(bucket, (None, None))
    return (account, s3_backends[account][partition]) if account else (None, None)


def is_on(setting):
    return str(setting).lower() != "false"


def tag_new_bucket(request):
    """The tags of a CreateBucketConfiguration, which moto drops."""
    pairs = re.findall(r"<Tag>\s*<Key>(.*?)</Key>\s*<Value>(.*?)</Value>\s*</Tag>", request["body"], re.S)
    bucket = request["parameters"]["Bucket"]
    if pairs:
        backend_of(bucket)[1].put_bucket_tagging(bucket, {unescape(key): unescape(value) for key, value in pairs})


def object_for(backend, bucket, key, caller, context):
    """An object that the bucket's policy lets this caller read."""
    held = backend.buckets[bucket]
    may = lambda action, arn: policy.allows((held.policy or b"").decode(), caller, action, arn, context)
    if not may("s3:GetObject", f"{held.arn}/{key}"):
        raise Refused(403, "AccessDenied", "Access Denied")
    found = backend.get_object(bucket, key)
    if found is None and not may("s3:ListBucket", held.arn):
        raise Refused(403, "AccessDenied", "Access Denied")
    if found is None:
        raise Refused(404, "NoSuchKey", "The specified key does not exist.")
    return found


def public_read(bucket, key, account_block):
    """What somebody without credentials reads."""
    _, backend = backend_of(bucket)
    if backend is None:
        raise Refused(404, "NoSuchBucket", "The specified bucket does not exist")
    block = backend.buckets[bucket].public_access_block
    if account_block or block is None or is_on(block.restrict_public_buckets):
        raise Refused(403, "AccessDenied", "Access Denied")
    found = object_for(backend, bucket, key, policy.ANYBODY, {"aws:securetransport": "true"})
    if found.encryption == "aws:kms":
        raise Refused(400, "InvalidArgument", "Requests specifying Server Side Encryption with AWS KMS managed keys "
                                              "require AWS Signature Version 4.")
    return found


def edge_read(cloudfront, host, path, account_block):
    """What CloudFront answers for a host over https: an object of its distribution's bucket."""
    served = [held for held in cloudfront.distributions.values() if held["deployed"] and held["deployed"]["Enabled"]]
    found = [held for held in served if host.lower() in (held["domain"], *aliases(held["deployed"]))]
    if not found:
        raise Refused(421, "MisdirectedRequest", f"no distribution serves {host}")
    config, arn = found[0]["deployed"], found[0]["arn"]
    target = config["DefaultCacheBehavior"]["TargetOriginId"]
    origin = next(origin for origin in origins(config) if origin["Id"] == target)
    domain = S3_DOMAIN.fullmatch(origin["DomainName"])
    if domain is None:
        raise Refused(502, "BadGateway", f"the emulator has no origin {origin['DomainName']}")
    path = unquote(path.partition("?")[0])
    if path == "/":
        path += config["DefaultRootObject"]
    bucket, key = domain["bucket"], (origin["OriginPath"] + path).lstrip("/")
    account, backend = backend_of(bucket)
    if backend is None:
        raise Refused(404, "NoSuchBucket", "The specified bucket does not exist")
    if domain["region"] not in (None, backend.buckets[bucket].region_name):
        raise Refused(301, "PermanentRedirect", "The bucket must be addressed using the endpoint of its region.")
    control = cloudfront.controls.get(origin["OriginAccessControlId"], {}).get("config", {})
    if (control.get("SigningBehavior"), control.get("SigningProtocol")) != ("always", "sigv4"):
        # Nothing is signed, so CloudFront is no more than the public.
        return public_read(bucket, key, account_block)
    context = {"aws:sourcearn": arn, "aws:sourceaccount": found[0]["account"], "aws:securetransport": "true"}
    held = object_for(backend, bucket, key, policy.CLOUDFRONT, context)
    if held.encryption == "aws:kms":
        raise Refused(403, "AccessDenied", "Access Denied")
    return held


def as_aws_does(request, account_block, abac):
    """Refusals that moto leaves out, and `answer` in the request for what it answers wrongly."""
    bucket = request["parameters"].get("Bucket") if request["service"] in ("s3", "public") else None
    if request["service"] == "public":
        request["answer"] = ("application/json", public_read(bucket, request["parameters"]["Key"], account_block).value)
        return
    account, backend = backend_of(bucket) if bucket else (None, None)
    if backend is None or request["operation"] == "CreateBucket":
        return
    caller = get_account_id_from(request["access_key"])
    if {account} != {caller, request["headers"].get("x-amz-expected-bucket-owner", account)}:
        raise Refused(403, "AccessDenied", "Access Denied")
    if request["operation"] == "GetBucketAbac":
        status = "Enabled" if abac else "Disabled"
        request["answer"] = ("application/xml", f"<AbacStatus><Status>{status}</Status></AbacStatus>".encode())
    held = backend.buckets[bucket]
    if request["operation"] == "GetBucketVersioning":
        status = f"<Status>{held.versioning_status}</Status>" if held.versioning_status else ""
        request["answer"] = ("application/xml", f"<VersioningConfiguration>{status}</VersioningConfiguration>".encode())
    if request["operation"] == "GetObjectLockConfiguration" and not held.object_lock_enabled:
        raise Refused(404, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")
    if request["operation"] == "DeleteObject" and "if-match" in request["headers"]:
        found = backend.get_object(bucket, request["parameters"]["Key"])
        if found is None:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        if found.etag.strip('"') != request["headers"]["if-match"].strip('"'):
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    if request["operation"] == "PutBucketTagging" and abac:
        raise Refused(400, "InvalidRequest", "PutBucketTagging is not supported for buckets with ABAC")
    if request["operation"] == "PutBucketPolicy" and policy.is_public(request["body"]):
        block = held.public_access_block
        if block is None or is_on(block.block_public_policy):
            raise Refused(403, "AccessDenied", "the bucket policy is public and BlockPublicPolicy is on")
