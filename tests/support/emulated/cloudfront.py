"""CloudFront of the emulated accounts: distributions, origin access controls and tags.

Input: the requests of a program under test, signed for CloudFront. Output: the answers that AWS documents. moto has
distributions too, but no versions (If-Match), few refusals and not their whole configuration; so it is not asked.
Source: the API reference of version 2020-05-31.

A distribution is InProgress for as many GetDistribution calls as `reads` says, and then Deployed. Until then the edge has
the configuration that was deployed last.
"""

import copy
import datetime
import random
import re
import string
from urllib.parse import parse_qs

from botocore import xform_name
from moto.iam.models import get_account_id_from
from moto.utilities.utils import get_partition

from emulated import xml
from emulated.answers import Refused, error_body
from emulated.distribution import aliases, check, check_quantities, check_update, complete, origins
from emulated.model import MODEL, NAMESPACE, recognise, refused

CONFIG = "OriginAccessControlConfig"
SHOWN = ("arn", "domain", "config", "tags", "status")
TAG = re.compile(r"[\w\s.:/=+\-@]*")
SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/cloudfront/aws4_request")


def new_id(length, letters):
    return "".join(random.choices(letters + string.digits, k=length))


def version():
    return "E" + new_id(13, string.ascii_uppercase)


class Caller:
    """Who sends a request, and where: AWS's China has its own CloudFront."""

    def __init__(self, authorization):
        access_key, region = SCOPE.search(authorization).groups()
        self.account, self.partition = get_account_id_from(access_key), get_partition(region)


class CloudFront:
    """The service, as a WSGI application."""

    def __init__(self):
        self.reset()

    @staticmethod
    def asks_for(environ):
        return SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")) is not None

    def reset(self):
        self.distributions, self.controls, self.references, self.reads, self.page_size = {}, {}, set(), 1, 100

    def saved(self):
        return copy.deepcopy((self.distributions, self.controls, self.references))

    def restore(self, saved):
        self.distributions, self.controls, self.references = copy.deepcopy(saved)

    def __call__(self, environ, start_response):
        try:
            status, headers, body = self.answer(environ)
        except Refused as error:
            status, headers, body = error.status, [], error_body("cloudfront", error)
        length = [] if status == 204 else [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))]
        start_response(f"{status} Answer", headers + length)
        return [body]

    def answer(self, environ):
        query = {name: values[-1] for name, values in parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).items()}
        name, parameters = recognise(environ["REQUEST_METHOD"], environ["PATH_INFO"], query) or ("", {})
        action = getattr(self, xform_name(name), None) if name else None
        if action is None:
            raise Refused(501, "NotImplemented", f"the emulator has no {name or environ['PATH_INFO']} of CloudFront")
        operation = MODEL.operation_model(name)
        payload = operation.input_shape.serialization.get("payload") if operation.input_shape else None
        if payload:
            shape, body = operation.input_shape.members[payload], environ["wsgi.input"].read()
            if not body:
                raise refused("MissingBody", "This operation requires a body.")
            try:
                parameters[payload] = xml.read(shape, body, shape.serialization["name"])
            except xml.Malformed as error:
                raise Refused(400, "MalformedInput", str(error)) from error
        parameters["IfMatch"] = environ.get("HTTP_IF_MATCH")
        result, headers = action(Caller(environ["HTTP_AUTHORIZATION"]), parameters)
        status = operation.http["responseCode"]
        if result is None:
            return status, [], b""
        output = operation.output_shape.serialization["payload"]
        root = xml.write(operation.output_shape.members[output], result, output, NAMESPACE)
        return status, headers, f'<?xml version="1.0"?>\n{root}'.encode()

    # Origin access controls

    def create_origin_access_control(self, caller, parameters):
        config = self.control_config(caller, parameters, None)
        number = version()
        self.controls[number] = {"account": caller.account, "etag": version(), "config": config}
        return self.control_answer(number)

    def get_origin_access_control(self, caller, parameters):
        self.control(caller, parameters["Id"])
        return self.control_answer(parameters["Id"])

    def get_origin_access_control_config(self, caller, parameters):
        held = self.control(caller, parameters["Id"])
        return held["config"], [("ETag", held["etag"])]

    def update_origin_access_control(self, caller, parameters):
        held = self.control(caller, parameters["Id"])
        self.check_version(held, parameters)
        held["config"], held["etag"] = self.control_config(caller, parameters, parameters["Id"]), version()
        return self.control_answer(parameters["Id"])

    def delete_origin_access_control(self, caller, parameters):
        held = self.control(caller, parameters["Id"])
        self.check_version(held, parameters)
        for distribution in self.distributions.values():
            if parameters["Id"] in [origin["OriginAccessControlId"] for origin in origins(distribution["config"])]:
                raise refused("OriginAccessControlInUse", "Cannot delete the origin access control because it's in use by one or "
                                                          "more distributions.")
        del self.controls[parameters["Id"]]
        return None, []

    def list_origin_access_controls(self, caller, parameters):
        held = {number: {"Id": number, **control["config"]} for number, control in self.controls.items()
                if control["account"] == caller.account}
        return self.page(held, parameters), []

    def control(self, caller, number):
        held = self.controls.get(number)
        if held is None or held["account"] != caller.account:
            raise refused("NoSuchOriginAccessControl", "The specified origin access control does not exist.")
        return held

    def control_config(self, caller, parameters, own):
        config = {"Description": "", **parameters[CONFIG]}
        if not 1 <= len(config["Name"]) <= 64:
            raise refused("InvalidArgument", "The parameter Name is too long or too short.")
        for number, other in self.controls.items():
            if number != own and (other["account"], other["config"]["Name"]) == (caller.account, config["Name"]):
                raise refused("OriginAccessControlAlreadyExists", "An origin access control with the specified parameters "
                                                                  "already exists.")
        return config

    def control_answer(self, number):
        held = self.controls[number]
        return {"Id": number, CONFIG: held["config"]}, [("ETag", held["etag"])]

    # Distributions

    def create_distribution(self, caller, parameters):
        return self.create(caller, parameters["DistributionConfig"], {})

    def create_distribution_with_tags(self, caller, parameters):
        given = parameters["DistributionConfigWithTags"]
        return self.create(caller, given["DistributionConfig"], self.tags_of(given["Tags"]))

    def create(self, caller, config, tags):
        for number, other in self.distributions.items():
            if (other["account"], other["config"]["CallerReference"]) == (caller.account, config["CallerReference"]):
                raise self.already_exists(number)
        if (caller.account, config["CallerReference"]) in self.references:
            raise self.already_exists("a distribution that was deleted")
        config = self.checked(caller, config, None)
        number, cn = "E" + new_id(13, string.ascii_uppercase), caller.partition == "aws-cn"
        domain = f"d{new_id(13, string.ascii_lowercase)}.cloudfront.{'cn' if cn else 'net'}"
        self.references.add((caller.account, config["CallerReference"]))
        self.distributions[number] = {
            "account": caller.account, "arn": f"arn:{caller.partition}:cloudfront::{caller.account}:distribution/{number}",
            "domain": domain, "tags": tags, "deployed": None,
        }
        return self.changed(number, config)

    @staticmethod
    def already_exists(number):
        return refused("DistributionAlreadyExists", "The caller reference that you are using to create a distribution is associated "
                                                    f"with another distribution. Already exists: {number}")

    def get_distribution(self, caller, parameters):
        held = self.distribution(caller, parameters["Id"])
        if held["status"] == "InProgress":
            if 0 <= self.reads <= held["seen"]:
                self.deploy(held)
            held["seen"] += 1
        return self.distribution_answer(parameters["Id"])

    def get_distribution_config(self, caller, parameters):
        held = self.distribution(caller, parameters["Id"])
        return held["config"], [("ETag", held["etag"])]

    def update_distribution(self, caller, parameters):
        held = self.distribution(caller, parameters["Id"])
        self.check_version(held, parameters)
        check_update(parameters["DistributionConfig"], held["config"])
        return self.changed(parameters["Id"], self.checked(caller, parameters["DistributionConfig"], parameters["Id"]))

    def delete_distribution(self, caller, parameters):
        held = self.distribution(caller, parameters["Id"])
        self.check_version(held, parameters)
        if held["config"]["Enabled"] or held["status"] != "Deployed":
            raise refused("DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.")
        del self.distributions[parameters["Id"]]
        return None, []

    def list_distributions(self, caller, parameters):
        wanted = MODEL.shape_for("DistributionSummary").members
        held = {}
        for number, one in self.distributions.items():
            if one["account"] == caller.account:
                config = {name: setting for name, setting in one["config"].items() if name in wanted}
                held[number] = {**config, **self.described(number), "ETag": one["etag"]}
        return self.page(held, parameters), []

    def distribution(self, caller, number):
        held = self.distributions.get(number)
        if held is None or held["account"] != caller.account:
            raise refused("NoSuchDistribution", "The specified distribution does not exist.")
        return held

    def checked(self, caller, config, own):
        controls = {number: held["config"] for number, held in self.controls.items() if held["account"] == caller.account}
        taken = {alias for number, held in self.distributions.items() if number != own for alias in aliases(held["config"])}
        check(config, caller.account, controls, taken)
        return complete(config)

    def changed(self, number, config):
        """A new configuration, on its way to the edge."""
        held = self.distributions[number]
        modified = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%dT%H:%M:%S.000Z}"
        held.update(config=config, etag=version(), status="InProgress", seen=0, modified=modified)
        if self.reads == 0:
            self.deploy(held)
        return self.distribution_answer(number)

    @staticmethod
    def deploy(held):
        held["status"], held["deployed"] = "Deployed", copy.deepcopy(held["config"])

    def described(self, number):
        held = self.distributions[number]
        return {
            "Id": number, "ARN": held["arn"], "Status": held["status"], "LastModifiedTime": held["modified"],
            "DomainName": held["domain"],
        }

    def distribution_answer(self, number):
        held = self.distributions[number]
        nobody = {"Enabled": False, "Quantity": 0}
        answer = {
            **self.described(number), "InProgressInvalidationBatches": 0, "ActiveTrustedSigners": nobody,
            "ActiveTrustedKeyGroups": nobody, "DistributionConfig": held["config"],
        }
        return answer, [("ETag", held["etag"])]

    # Tags

    def list_tags_for_resource(self, caller, parameters):
        tags = self.tagged(caller, parameters)["tags"]
        return {"Items": [{"Key": key, "Value": text} for key, text in tags.items()]}, []

    def tag_resource(self, caller, parameters):
        held = self.tagged(caller, parameters)
        held["tags"] = self.bounded({**held["tags"], **self.tags_of(parameters["Tags"])})
        return None, []

    def untag_resource(self, caller, parameters):
        held, dropped = self.tagged(caller, parameters), parameters["TagKeys"].get("Items", [])
        held["tags"] = {key: text for key, text in held["tags"].items() if key not in dropped}
        return None, []

    def tagged(self, caller, parameters):
        for held in self.distributions.values():
            if held["arn"] == parameters.get("Resource") and held["account"] == caller.account:
                return held
        raise refused("NoSuchResource", "A resource that was specified is not valid.")

    def tags_of(self, given):
        """Tags as they were sent, each of characters that CloudFront takes."""
        tags = {}
        for tag in given.get("Items", []):
            key, text = tag["Key"], tag.get("Value", "")
            fits = 1 <= len(key) <= 128 and len(text) <= 256 and TAG.fullmatch(key) and TAG.fullmatch(text)
            if not fits or key.lower().startswith("aws:") or key in tags:
                raise refused("InvalidTagging", f"The tag {key!r} is not valid.")
            tags[key] = text
        return self.bounded(tags)

    @staticmethod
    def bounded(tags):
        if len(tags) > 50:
            raise refused("InvalidTagging", "A resource has at most 50 tags.")
        return tags

    def state(self, account):
        """What an account holds, with what tells one from another of the same name."""
        return {
            "distributions": {number: {name: held[name] for name in SHOWN} | {"enabled": held["config"]["Enabled"]}
                              for number, held in self.distributions.items() if held["account"] == account},
            "accessControls": {number: {
                "name": held["config"]["Name"], "description": held["config"]["Description"],
                "originType": held["config"]["OriginAccessControlOriginType"],
                "signingBehavior": held["config"]["SigningBehavior"], "signingProtocol": held["config"]["SigningProtocol"],
            } for number, held in self.controls.items() if held["account"] == account},
        }

    # What both have

    @staticmethod
    def check_version(held, parameters):
        if not parameters["IfMatch"]:
            raise refused("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
        if parameters["IfMatch"].strip('"') != held["etag"]:
            raise refused("PreconditionFailed", "The request failed because it didn't meet the preconditions in one or more "
                                                "request-header fields.")

    def page(self, held, parameters):
        marker, wanted = parameters.get("Marker", ""), int(parameters.get("MaxItems") or 100)
        numbers = sorted(number for number in held if number > marker)
        shown = numbers[:min(wanted, self.page_size)]
        is_truncated = len(shown) < len(numbers)
        return {
            "Marker": marker, "NextMarker": shown[-1] if is_truncated else None, "MaxItems": wanted, "IsTruncated": is_truncated,
            "Quantity": len(shown), "Items": [held[number] for number in shown] or None,
        }
