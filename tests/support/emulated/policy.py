"""What a bucket's policy allows, and whether S3 takes it for public.

Input: a policy's text, as PutBucketPolicy left it. Of IAM's policy language this knows what bucket policies of issuers
are written in; a condition that it does not know holds for no Allow and for every Deny.
Sources: IAM's policy evaluation logic; "The meaning of public" in S3's user guide.
"""

import json
import re

ANYBODY = ("AWS", "*")
CLOUDFRONT = ("Service", "cloudfront.amazonaws.com")


def listed(value):
    return value if isinstance(value, list) else [value]


def is_like(pattern, text):
    """IAM's wildcards: * is any text, ? is one character."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, re.S) is not None


OPERATORS = {
    "StringEquals": lambda wanted, text: wanted == text,
    "StringEqualsIgnoreCase": lambda wanted, text: wanted.lower() == text.lower(),
    "StringLike": is_like,
    "ArnEquals": is_like,
    "ArnLike": is_like,
    "Bool": lambda wanted, text: str(wanted).lower() == text,
}


def statements(policy):
    try:
        return [statement for statement in listed(json.loads(policy)["Statement"]) if isinstance(statement, dict)]
    except (ValueError, KeyError, TypeError):
        return []


def holds(conditions, context, unknown):
    """Whether all conditions of a statement hold for a request; `unknown` where one cannot be decided."""
    for operator, keys in conditions.items():
        for key, wanted in keys.items():
            text = context.get(key.lower())
            if operator not in OPERATORS:
                return unknown
            if text is None or not any(OPERATORS[operator](one, text) for one in listed(wanted)):
                return False
    return True


def names(principal, caller):
    """Whether a statement's principal is this caller."""
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    kind, name = caller
    return "*" in listed(principal.get("AWS", [])) or name in listed(principal.get(kind, []))


def allows(policy, caller, action, resource, context):
    """Whether the policy lets the caller do this, where nothing else allows it."""
    allowed = False
    for statement in statements(policy):
        denies = statement.get("Effect") == "Deny"
        about = (
            names(statement.get("Principal"), caller)
            and any(is_like(one.lower(), action.lower()) for one in listed(statement.get("Action", [])))
            and any(is_like(one, resource) for one in listed(statement.get("Resource", [])))
            and holds(statement.get("Condition", {}), context, unknown=denies)
        )
        if about and denies:
            return False
        allowed = allowed or about
    return allowed


def is_fixed(key, value):
    """Whether a condition's value names one party. An ARN does if its account is written out."""
    if key == "aws:sourcearn":
        account = (value.split(":") + [""] * 5)[4]
        return re.fullmatch(r"\d{12}", account) is not None
    return not re.search(r"[*?]|\$\{", value) and not value.endswith("/0")


FIXING = {
    "aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceip",
    "aws:principalorgid", "aws:userid",
}


def is_public(policy):
    """Whether S3 takes the policy for one that opens the bucket to the public."""
    return any(statement.get("Effect") == "Allow" and not is_limited(statement) for statement in statements(policy))


def is_limited(statement):
    principal = statement.get("Principal")
    if isinstance(principal, dict) and set(principal) == {"AWS"} and "*" not in listed(principal["AWS"]):
        return True
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            fixing = key.lower() in FIXING and operator in (*OPERATORS, "IpAddress")
            if fixing and all(is_fixed(key.lower(), value) for value in listed(values)):
                return True
    return False
