"""A distribution's configuration: what CloudFront refuses in it, and what it fills in.

Input: a configuration as it was sent, of the right shape. Output: the one that GetDistribution answers. Sources: the API
reference; "Required API fields for creating and updating distributions" in CloudFront's developer guide.
"""

import copy
import re

from emulated.model import refused

S3_DOMAIN = re.compile(r"(?P<bucket>.+)\.s3(?:[.-](?P<region>[a-z]+(?:-[a-z]+)+-\d+))?\.amazonaws\.com(?:\.cn)?")
CERTIFICATE = re.compile(r"arn:aws:acm:us-east-1:(\d{12}):certificate/[\w-]+")

# AWS's own cache policies, which every account has; the emulated accounts have no others.
CACHE_POLICIES = {
    "658327ea-f89d-4fab-a63d-7e88639e58f6": "CachingOptimized",
    "b2884449-e4de-46a7-ac36-70bc7f1ddd6d": "CachingOptimizedForUncompressedObjects",
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": "CachingDisabled",
    "83da9c7e-98b4-4e11-a168-04f0df8e2c65": "UseOriginCacheControlHeaders",
}

NONE = {"Quantity": 0}
METHODS = {"Quantity": 2, "Items": ["HEAD", "GET"]}
DEFAULTS = {
    "Aliases": NONE, "DefaultRootObject": "", "OriginGroups": NONE, "CacheBehaviors": NONE, "CustomErrorResponses": NONE,
    "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""}, "PriceClass": "PriceClass_All",
    "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}}, "WebACLId": "", "HttpVersion": "http2",
    "IsIPV6Enabled": True, "ContinuousDeploymentPolicyId": "", "Staging": False,
}
ORIGIN = {
    "OriginPath": "", "CustomHeaders": NONE, "ConnectionAttempts": 3, "ConnectionTimeout": 10, "OriginShield": {"Enabled": False},
    "OriginAccessControlId": "",
}
ORIGIN_KINDS = {
    "S3OriginConfig": {"OriginReadTimeout": 30},
    "CustomOriginConfig": {
        "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]}, "OriginReadTimeout": 30, "OriginKeepaliveTimeout": 5,
    },
}
BEHAVIOR = {
    "TrustedSigners": {"Enabled": False, "Quantity": 0}, "TrustedKeyGroups": {"Enabled": False, "Quantity": 0},
    "AllowedMethods": {**METHODS, "CachedMethods": METHODS}, "SmoothStreaming": False, "Compress": False,
    "LambdaFunctionAssociations": NONE, "FunctionAssociations": NONE, "FieldLevelEncryptionId": "", "GrpcConfig": {"Enabled": False},
}
FORWARDED = {
    "MinTTL": 0, "DefaultTTL": 86400, "MaxTTL": 31536000, "ForwardedValues": {"Headers": NONE, "QueryStringCacheKeys": NONE},
}

REQUIRED = {
    "": ("Aliases", "DefaultRootObject", "CacheBehaviors", "CustomErrorResponses", "Logging", "PriceClass", "ViewerCertificate",
         "Restrictions", "WebACLId", "HttpVersion"),
    "origin": ("OriginPath", "CustomHeaders"),
    "behavior": ("AllowedMethods", "SmoothStreaming", "Compress", "LambdaFunctionAssociations", "FieldLevelEncryptionId"),
}


def origins(config):
    return config["Origins"]["Items"]


def behaviors(config):
    return [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", {}).get("Items", [])]


def aliases(config):
    return [alias.lower() for alias in config.get("Aliases", {}).get("Items", [])]


def filled(held, defaults):
    """Each field that is not there has its default, at every depth."""
    found = dict(held)
    for key, default in defaults.items():
        if isinstance(default, dict) and isinstance(found.get(key), dict):
            found[key] = filled(found[key], default)
        elif key not in found:
            found[key] = copy.deepcopy(default)
    return found


def complete(config):
    """The configuration with what CloudFront fills in or settles itself."""
    config = filled(config, DEFAULTS)
    kinds = lambda origin: {kind: defaults for kind, defaults in ORIGIN_KINDS.items() if kind in origin}
    config["Origins"]["Items"] = [filled(origin, {**ORIGIN, **kinds(origin)}) for origin in origins(config)]
    completed = [filled(one, {**BEHAVIOR, **({} if one.get("CachePolicyId") else FORWARDED)}) for one in behaviors(config)]
    for behavior in completed:
        methods = behavior["AllowedMethods"]
        for held in (methods, methods["CachedMethods"]):
            # However they were sent, they are answered in this order.
            held["Items"].sort(key=["HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH"].index)
    config["DefaultCacheBehavior"], *others = completed
    if others:
        config["CacheBehaviors"]["Items"] = others
    config["ViewerCertificate"] = certificate(config.get("ViewerCertificate", {}))
    return config


def certificate(held):
    if held.get("ACMCertificateArn"):
        return {
            **held, "CloudFrontDefaultCertificate": False, "Certificate": held["ACMCertificateArn"], "CertificateSource": "acm",
        }
    # Documented: with its own certificate CloudFront sets TLSv1, whatever was asked for.
    return {
        "CloudFrontDefaultCertificate": True, "SSLSupportMethod": "vip", "MinimumProtocolVersion": "TLSv1",
        "CertificateSource": "cloudfront",
    }


def check_update(config, held):
    """An update replaces the whole configuration: what it leaves out is refused, not kept."""
    if config["CallerReference"] != held["CallerReference"]:
        raise refused("IllegalUpdate", "You cannot update Origin or CallerReference.")
    parts = [("", config), *(("origin", one) for one in origins(config)), *(("behavior", one) for one in behaviors(config))]
    for kind, part in parts:
        for name in REQUIRED[kind]:
            if name not in part:
                raise refused("IllegalUpdate", f"{name} is required for updates.")


def check_quantities(held):
    """A list has as many items as it says, everywhere."""
    if isinstance(held, list):
        for item in held:
            check_quantities(item)
    if isinstance(held, dict):
        if "Quantity" in held and held["Quantity"] != len(held.get("Items", [])):
            raise refused("InconsistentQuantities", "The value of Quantity and the size of Items don't match.")
        for item in held.values():
            check_quantities(item)


def check(config, account, controls, taken):
    """Refusals that need to know the account, its access controls, and the aliases that other distributions have."""
    check_quantities(config)
    for origin in origins(config):
        check_origin(origin, controls)
    for behavior in behaviors(config):
        if behavior["TargetOriginId"] not in [origin["Id"] for origin in origins(config)]:
            raise refused("NoSuchOrigin", "One or more of your origins or origin groups do not exist.")
        policy = behavior.get("CachePolicyId")
        if bool(policy) == ("ForwardedValues" in behavior):
            raise refused("InvalidArgument", "Either CachePolicyId or ForwardedValues is required, and not both.")
        if policy and policy not in CACHE_POLICIES:
            raise refused("NoSuchCachePolicy", "The specified cache policy does not exist.")
        ttls = [name for name in ("MinTTL", "DefaultTTL", "MaxTTL") if name in behavior]
        if policy and ttls:
            raise refused("InvalidArgument", f"The parameter {ttls[0]} cannot be used with CachePolicyId.")
    if len(config["Comment"]) > 128:
        raise refused("InvalidArgument", "The parameter Comment is too long.")
    if config.get("DefaultRootObject", "").startswith("/"):
        raise refused("InvalidDefaultRootObject", "The default root object must not begin with a slash.")
    check_certificate(config, account)
    for alias in aliases(config):
        if alias in taken:
            raise refused("CNAMEAlreadyExists", "One or more of the CNAMEs you provided are already associated with a "
                                                "different resource.")


def check_origin(origin, controls):
    kinds = [kind for kind in ("S3OriginConfig", "CustomOriginConfig", "VpcOriginConfig") if kind in origin]
    if len(kinds) != 1:
        raise refused("InvalidArgument", "An origin must have exactly one of S3OriginConfig, CustomOriginConfig and "
                                         "VpcOriginConfig.")
    is_s3 = S3_DOMAIN.fullmatch(origin["DomainName"])
    if kinds == ["S3OriginConfig"] and not is_s3:
        raise refused("InvalidArgument", "The parameter Origin DomainName does not refer to a valid S3 bucket.")
    control = origin.get("OriginAccessControlId")
    if not control:
        return
    if control not in controls:
        raise refused("InvalidOriginAccessControl", "The origin access control is not valid or does not exist.")
    if origin.get("S3OriginConfig", {}).get("OriginAccessIdentity"):
        raise refused("IllegalOriginAccessConfiguration", "An origin cannot contain both an origin access control (OAC) and "
                                                          "an origin access identity (OAI).")
    if controls[control]["OriginAccessControlOriginType"] == "s3" and not is_s3:
        raise refused("InvalidDomainNameForOriginAccessControl", "The origin's domain name is not that of an S3 bucket.")


def check_certificate(config, account):
    held = config.get("ViewerCertificate", {})
    arn = held.get("ACMCertificateArn")
    if arn is None:
        if aliases(config):
            raise refused("InvalidViewerCertificate", "To add an alternate domain name (CNAME) to a CloudFront distribution, "
                          "you must attach a trusted certificate that validates your authorization to use the domain name.")
        if held.get("CloudFrontDefaultCertificate") is False:
            raise refused("InvalidViewerCertificate", "A viewer certificate specified is not valid.")
        return
    found = CERTIFICATE.fullmatch(arn)
    if not found or found[1] != account:
        raise refused("InvalidViewerCertificate", "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't "
                                                  "valid, or doesn't include a valid certificate chain.")
    if held.get("CloudFrontDefaultCertificate"):
        raise refused("InvalidViewerCertificate", "A distribution has one certificate: its own, or CloudFront's.")
    for name in ("SSLSupportMethod", "MinimumProtocolVersion"):
        if name not in held:
            raise refused("InvalidViewerCertificate", f"An ACM certificate needs {name}.")
