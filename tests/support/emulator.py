"""An AWS account to test against: moto's server, behind a layer that sees, delays and spoils requests.

Run by tests/src/emulator.rs. Prints its port on the first line, serves 127.0.0.1 until its standard input is closed, so
it never outlives the process that started it.

What moto does not refuse and AWS does is refused here: a wrong x-amz-expected-bucket-owner, a bucket of another
account, a public bucket policy while the bucket's public access block forbids it (which it does from the start), objects
that somebody without credentials reads while no policy allows it or a block forbids it, and deleting another version of
an object than If-Match names.
What moto leaves out is added: AddClientIDToOpenIDConnectProvider and RemoveClientIDFromOpenIDConnectProvider, the tags
of CreateBucket, and deleting one version in a bucket whose versioning is suspended. Every answer has a request ID, which is
the operation and its number since the list was dropped: CreateRole-3.
What is refused in S3 is in emulated/s3.py. CloudFront is not moto's at all, but that of emulated/cloudfront.py.

Control, under /__airlock/, JSON out:
  GET  requests                 every request so far
  GET  forget                   drop that list
  GET  reset                    an empty account, no faults, no latency, an empty list
  GET  save                     keeps the account as it is, to be restored
  GET  restore                  the account as it was saved, no faults, no latency, an empty list
  GET  state                    what the account holds
  GET  latency?ms=50            delay every request
  GET  throttles?rate=20        each service takes so many requests a second, and as many at once after a pause; what is beyond
                                that is throttled (fault "throttled"). 0: no limit
  GET  pagesize?n=2             a page of ListRoles has at most so many, as IAM may do it; and CloudFront's lists too
  GET  deploys?reads=N          a distribution is InProgress for N GetDistribution calls after each change; 1 from the start,
                                0: it is Deployed at once, -1: it stays InProgress until N is another
  GET  edge?host=H&path=P       what CloudFront answers for https://H/P: {"status", "contentType", "body"}; the status is 421
                                where no distribution serves the host
  GET  distribution?domain=D    whether CloudFront has given a distribution this domain
  GET  used?role=R&days=3       the role was used last so many days ago
  GET  abac?on=1                buckets decide access by their tags, and refuse PutBucketTagging
  GET  accountblock?on=1        the account restricts public buckets, which no bucket's own block shows
  GET  fault?effect=E[&operation=O][&writes=1][&signed=1][&skip=N][&times=N][&status=S&code=C&message=M]
                                spoil requests: after N matching ones, the next N. Effects:
                                cut-before, cut-after   the connection is cut before or after moto acts
                                stall-before, -after    the request hangs until reset or forget, then is cut
                                error                   answered with status, code and message; moto does not act
                                lost                    moto acts, and status, code and message are answered
  GET  stalled?ms=1000          waits until a request hangs; how many do
  POST call                     {"service", "operation", "parameters", "account"?}: one boto3 call, seen and spoiled by nobody
"""

import datetime
import functools
import io
import json
import os
import pickle
import re
import socket
import sys
import threading
import time
from urllib.parse import parse_qs, parse_qsl

os.environ.setdefault("AWS_ACCESS_KEY_ID", "control")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "control")

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core import responses
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import EmptyResult
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.moto_api._internal import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

# Beside this file, in a source folder, nothing is written.
sys.dont_write_bytecode = True

from emulated import s3
from emulated.answers import Refused, error_body
from emulated.cloudfront import CloudFront
from emulated.model import recognise

CONTROL = "/__airlock/"
CONTROL_AGENT = "airlock-control"
HEADERS = (
    "content-type", "if-match", "if-none-match", "user-agent", "x-amz-bucket-namespace", "x-amz-expected-bucket-owner", "x-amz-tagging",
)
READS = re.compile(r"(Get|List|Head)[A-Z]")

S3_BUCKET = {
    "policy": "BucketPolicy", "tagging": "BucketTagging", "publicAccessBlock": "PublicAccessBlock",
    "location": "BucketLocation", "ownershipControls": "BucketOwnershipControls", "versioning": "BucketVersioning",
    "acl": "BucketAcl", "policyStatus": "BucketPolicyStatus", "encryption": "BucketEncryption", "abac": "BucketAbac",
    "lifecycle": "BucketLifecycleConfiguration", "website": "BucketWebsite", "object-lock": "ObjectLockConfiguration",
}
S3_OBJECT = {"tagging": "ObjectTagging", "acl": "ObjectAcl"}


def s3_operation(method, bucket, key, query):
    """The API's name for an S3 request."""
    verb = {"GET": "Get", "HEAD": "Head", "PUT": "Put", "DELETE": "Delete", "POST": "Post"}.get(method, method)
    for name, subject in (S3_OBJECT if key else S3_BUCKET).items():
        if name in query:
            return verb + subject
    if not bucket:
        return "ListBuckets"
    if key:
        return verb + "Object"
    if method == "POST" and "delete" in query:
        return "DeleteObjects"
    if method == "GET" and "versions" in query:
        return "ListObjectVersions"
    return {"Get": "ListObjectsV2" if "list-type" in query else "ListObjects", "Put": "CreateBucket"}.get(verb, verb + "Bucket")


def describe(environ, body):
    """What a request asks for, as the list of requests shows it."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request", authorization)
    access_key, region, service = scope.groups() if scope else ("", "", "")
    path = environ["PATH_INFO"]
    query = {name: values[-1] for name, values in parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).items()}
    parameters, bucket = {}, None
    if service == "s3":
        bucket, _, key = path.lstrip("/").partition("/")
        operation = s3_operation(environ["REQUEST_METHOD"], bucket, key, query)
        parameters = {"Bucket": bucket, "Key": key} if key else {"Bucket": bucket}
    elif service == "cloudfront":
        found = recognise(environ["REQUEST_METHOD"], path, query)
        operation, parameters = found or (environ["REQUEST_METHOD"] + " " + path, {})
    elif not authorization and environ["REQUEST_METHOD"] == "GET":
        # Somebody without credentials, as IAM when it checks a token.
        service, (bucket, _, key) = "public", path.lstrip("/").partition("/")
        operation, parameters = "GetObject", {"Bucket": bucket, "Key": key}
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        parameters = dict(parse_qsl(body.decode(), keep_blank_values=True))
        operation = parameters.pop("Action", "")
    else:
        operation = environ["REQUEST_METHOD"] + " " + path
    headers = {}
    for name in HEADERS:
        value = environ.get(name.upper().replace("-", "_")) or environ.get("HTTP_" + name.upper().replace("-", "_"))
        if value:
            headers[name] = value
    return {
        "service": service, "operation": operation, "region": region, "access_key": access_key,
        "method": environ["REQUEST_METHOD"], "host": environ.get("HTTP_HOST", ""), "path": path, "query": query,
        "parameters": parameters, "headers": headers, "body": body.decode("utf-8", "replace"),
        "write": not (READS.match(operation) or operation.startswith(("GET ", "HEAD "))),
    }


# moto looks through its own folder and the methods of its classes at each request: half of the time that it takes.
DomainDispatcherApplication.get_backend_for_host = functools.lru_cache(DomainDispatcherApplication.get_backend_for_host)
responses.method_names_from_class = functools.cache(responses.method_names_from_class)


def client_ids(change):
    """One of the IAM actions on a provider's audiences, which moto leaves out."""

    def action(response):
        provider = response.backend.get_open_id_connect_provider(response._get_param("OpenIDConnectProviderArn"))
        provider.client_id_list = change(provider.client_id_list, response._get_param("ClientID"))
        return EmptyResult()

    return action


IamResponse.add_client_id_to_open_id_connect_provider = client_ids(
    lambda held, one: held if one in held else [*held, one])
IamResponse.remove_client_id_from_open_id_connect_provider = client_ids(
    lambda held, one: [other for other in held if other != one])


def own_backends():
    """What the account holds, in moto."""
    return iam_backends[DEFAULT_ACCOUNT_ID]["aws"], s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def state(iam, s3, cloudfront):
    """What the account holds, in full, with what tells a role or a provider from another one of the same name."""
    pairs = lambda tags: {tag["Key"]: tag["Value"] for tag in tags}
    return {
        "roles": {role.name: {
            "identity": role.id, "path": role.path, "trust": role.assume_role_policy_document, "description": role.description,
            "maxSessionDuration": role.max_session_duration, "boundary": role.permissions_boundary_arn,
            "tags": pairs(role.tags), "policies": role.policies, "attached": sorted(role.managed_policies),
        } for role in iam.roles.values()},
        "providers": {provider.arn: {
            "identity": f"{provider.create_date:%Y-%m-%dT%H:%M:%SZ}", "clientIds": sorted(provider.client_id_list), "thumbprints": provider.thumbprint_list,
            "tags": pairs(provider.tag_list_type),
        } for provider in iam.open_id_providers.values()},
        "buckets": {name: {
            "tags": s3.tagger.get_tag_dict_for_resource(bucket.arn), "policy": bucket.policy.decode() if bucket.policy else None,
            "publicAccessBlock": vars(bucket.public_access_block) if bucket.public_access_block else None,
            "ownership": bucket.ownership_rule, "versioning": bucket.versioning_status, "encryption": bucket.encryption,
            "objects": {key: {
                "body": held.value.decode(), "contentType": dict(held.metadata.items()).get("content-type"), "encryption": held.encryption,
                "tags": s3.tagger.get_tag_dict_for_resource(held.arn),
            } for key, held in bucket.keys.items()},
        } for name, bucket in s3.buckets.items()},
        **cloudfront.state(DEFAULT_ACCOUNT_ID),
    }


class Account:
    """The WSGI application around moto's."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.cloudfront = CloudFront()
        self.lock = threading.Condition()
        self.moto_lock = threading.Lock()
        self.port = 0
        self.started = time.monotonic()
        self.account_block = self.abac = False
        self.page_size = 1000
        self.saved = None
        self.clear()

    def clear(self):
        self.requests, self.faults, self.latency, self.stalled, self.released = [], [], 0.0, 0, threading.Event()
        self.counts, self.rate, self.buckets = {}, 0, {}

    def now(self):
        return round((time.monotonic() - self.started) * 1000, 1)

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"].startswith(CONTROL):
            return self.control(environ, start_response)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        chunked = environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH")
        body = environ["wsgi.input"].read() if chunked else environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        if CONTROL_AGENT in environ.get("HTTP_USER_AGENT", ""):
            return self.ask(environ, start_response)
        request = describe(environ, body)
        if request["operation"] == "ListRoles":
            body = re.sub(rb"MaxItems=\d+", b"MaxItems=%d" % self.page_size, body)
            environ["CONTENT_LENGTH"], environ["wsgi.input"] = str(len(body)), io.BytesIO(body)
        request["begin"] = self.now()
        with self.lock:
            self.requests.append(request)
            number = self.counts[request["operation"]] = self.counts.get(request["operation"], 0) + 1
            fault = self.fault_for(request) or self.throttled(request)
            latency, released = self.latency, self.released
        if latency:
            time.sleep(latency)
        try:
            identified = self.identified(request, number, start_response)
            return self.answer(environ, identified, request, fault, released)
        finally:
            request["end"] = self.now()

    @staticmethod
    def identified(request, number, start_response):
        """Answers with a request ID of our own in the place of moto's."""
        name = "x-amz-request-id" if request["service"] in ("s3", "public") else "x-amzn-RequestId"
        known = ("x-amz-request-id", "x-amzn-requestid")

        def start(line, headers, exc_info=None):
            request["id"] = f"{request['operation']}-{number}"
            headers = [header for header in headers if header[0].lower() not in known]
            return start_response(line, headers + [(name, request["id"])], exc_info)

        return start

    def fault_for(self, request):
        for fault in self.faults:
            if fault["operation"] not in ("", request["operation"]):
                continue
            if (fault["writes"] and not request["write"]) or (fault["signed"] and not request["access_key"]):
                continue
            fault["seen"] += 1
            if fault["skip"] < fault["seen"] <= fault["skip"] + fault["times"]:
                request["fault"] = fault["effect"]
                return fault
        return None

    def throttled(self, request):
        """A request beyond the rate of its service: a bucket of as many tokens as are filled in in a second."""
        service, now = request["service"], time.monotonic()
        if not self.rate or service == "public":
            return None
        tokens, filled = self.buckets.get(service, (self.rate, now))
        tokens = min(self.rate, tokens + (now - filled) * self.rate)
        taken = tokens >= 1
        self.buckets[service] = (tokens - taken, now)
        if taken:
            return None
        request["fault"] = "throttled"
        if service == "s3":
            return {"effect": "error", "status": 503, "code": "SlowDown", "message": "Please reduce your request rate."}
        return {"effect": "error", "status": 400, "code": "Throttling", "message": "Rate exceeded"}

    def answer(self, environ, start_response, request, fault, released):
        effect = fault["effect"] if fault else ""
        if effect == "error":
            return self.refuse(Refused(fault["status"], fault["code"], fault["message"]), request, start_response)
        if effect.endswith("-before"):
            self.hang(effect, released)
            self.cut(environ)
        try:
            s3.as_aws_does(request, self.account_block, self.abac)
            status = []

            def note(line, headers, exc_info=None):
                status.append(line)
                return start_response(line, headers, exc_info) if not effect else lambda _: None

            if "answer" in request:
                kind, body = request.pop("answer")
                note("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
                answer = [body]
            else:
                answer = self.ask(environ, note)
            request["status"] = int(status[0].split()[0])
            if request["operation"] == "CreateBucket" and request["status"] == 200:
                s3.tag_new_bucket(request)
        except Refused as refused:
            if not effect:
                return self.refuse(refused, request, start_response)
        if effect == "lost":
            return self.refuse(Refused(fault["status"], fault["code"], fault["message"]), request, start_response)
        if effect.endswith("-after"):
            self.hang(effect, released)
            self.cut(environ)
        return answer

    def ask(self, environ, start_response):
        """CloudFront, or moto for what else there is."""
        with self.moto_lock:
            if self.cloudfront.asks_for(environ):
                return self.cloudfront(environ, start_response)
            answer = self.moto(environ, start_response)
            try:
                return [b"".join(answer)]
            finally:
                getattr(answer, "close", lambda: None)()

    def hang(self, effect, released):
        if effect.startswith("stall"):
            with self.lock:
                self.stalled += 1
                self.lock.notify_all()
            released.wait()

    @staticmethod
    def cut(environ):
        connection = environ["werkzeug.socket"]
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        raise ConnectionResetError("cut by a test")

    @staticmethod
    def refuse(refused, request, start_response):
        request["status"] = refused.status
        body = error_body(request["service"], refused)
        start_response(f"{refused.status} Refused", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
        return [b"" if request["method"] == "HEAD" else body]

    def control(self, environ, start_response):
        query = {name: values[-1] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        result = getattr(self, "control_" + environ["PATH_INFO"][len(CONTROL):])(query, body)
        text = json.dumps(result, default=str).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
        return [text]

    def control_requests(self, _query, _body):
        with self.lock:
            return [dict(request) for request in self.requests]

    def control_forget(self, _query, _body):
        with self.lock:
            self.released.set()
            latency, rate = self.latency, self.rate
            self.clear()
            self.latency, self.rate = latency, rate

    def control_reset(self, _query, _body):
        with self.lock, self.moto_lock:
            self.released.set()
            self.clear()
            self.account_block = self.abac = False
            self.page_size = 1000
            moto_api_backend.reset()
            self.cloudfront.reset()

    def control_save(self, _query, _body):
        with self.moto_lock:
            self.saved = pickle.dumps([backend.__dict__ for backend in own_backends()] + [s3_backends.bucket_accounts, self.cloudfront.saved()])

    def control_restore(self, _query, _body):
        with self.lock, self.moto_lock:
            self.released.set()
            self.clear()
            *held, accounts, distributions = pickle.loads(self.saved)
            for backend, was in zip(own_backends(), held):
                backend.__dict__.clear()
                backend.__dict__.update(was)
            s3_backends.bucket_accounts = accounts
            self.cloudfront.restore(distributions)

    def control_state(self, _query, _body):
        with self.moto_lock:
            return state(*own_backends(), self.cloudfront)

    def control_accountblock(self, query, _body):
        self.account_block = query["on"] == "1"

    def control_abac(self, query, _body):
        self.abac = query["on"] == "1"

    def control_pagesize(self, query, _body):
        self.page_size = self.cloudfront.page_size = int(query["n"])

    def control_deploys(self, query, _body):
        with self.moto_lock:
            self.cloudfront.reads = int(query["reads"])

    def control_edge(self, query, _body):
        with self.moto_lock:
            try:
                found = s3.edge_read(self.cloudfront, query["host"], query["path"], self.account_block)
            except Refused as refused:
                return {"status": refused.status, "contentType": "application/xml", "body": error_body("s3", refused).decode()}
            kind = dict(found.metadata.items()).get("content-type", "binary/octet-stream")
            return {"status": 200, "contentType": kind, "body": found.value.decode()}

    def control_distribution(self, query, _body):
        return any(held["domain"] == query["domain"] for held in self.cloudfront.distributions.values())

    def control_used(self, query, _body):
        with self.moto_lock:
            role = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_role(query["role"])
            role.last_used = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=int(query["days"]))
            role.last_used_region = "us-east-2"

    def control_latency(self, query, _body):
        self.latency = int(query["ms"]) / 1000

    def control_throttles(self, query, _body):
        with self.lock:
            self.rate, self.buckets = float(query["rate"]), {}

    def control_fault(self, query, _body):
        with self.lock:
            self.faults.append({
                "effect": query["effect"], "operation": query.get("operation", ""), "writes": "writes" in query,
                "signed": "signed" in query,
                "skip": int(query.get("skip", 0)), "times": int(query.get("times", 1)), "seen": 0,
                "status": int(query.get("status", 500)), "code": query.get("code", "InternalFailure"),
                "message": query.get("message", "spoiled by a test"),
            })

    def control_stalled(self, query, _body):
        with self.lock:
            self.lock.wait_for(lambda: self.stalled, int(query["ms"]) / 1000)
            return self.stalled

    def control_call(self, _query, body):
        call = json.loads(body)
        client = self.client(call["service"], call.get("account") or DEFAULT_ACCOUNT_ID)
        parameters = call["parameters"]
        if isinstance(parameters.get("Body"), str):
            parameters["Body"] = parameters["Body"].encode()
        try:
            result = getattr(client, call["operation"])(**parameters)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return {"error": error.response["Error"]["Code"], "status": status, "message": str(error)}
        result.pop("ResponseMetadata", None)
        if hasattr(result.get("Body"), "read"):
            result["Body"] = result["Body"].read().decode()
        return result

    def client(self, service, account):
        credentials = {}
        if account != DEFAULT_ACCOUNT_ID:
            role = f"arn:aws:iam::{account}:role/control"
            assumed = self.client("sts", DEFAULT_ACCOUNT_ID).assume_role(RoleArn=role, RoleSessionName="control")
            credentials = {
                "aws_access_key_id": assumed["Credentials"]["AccessKeyId"],
                "aws_secret_access_key": assumed["Credentials"]["SecretAccessKey"],
                "aws_session_token": assumed["Credentials"]["SessionToken"],
            }
        config = Config(user_agent_extra=CONTROL_AGENT, retries={"max_attempts": 0})
        endpoint = f"http://127.0.0.1:{self.port}"
        return boto3.session.Session().client(service, "us-east-1", endpoint_url=endpoint, config=config, **credentials)


class Handler(MotoRequestHandler):
    """Answers at once, and keeps quiet on standard error."""

    disable_nagle_algorithm = True

    def log(self, type, message, *args):
        pass


def main():
    account = Account()
    server = make_server("127.0.0.1", 0, account, threaded=True, request_handler=Handler)
    account.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(account.port, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


main()
