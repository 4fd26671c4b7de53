"""CloudFront's API as botocore's model has it: which request is which operation, and which status an error has.

Source: the service model of version 2020-05-31.
"""

import re
from urllib.parse import parse_qs

from botocore.session import Session

from emulated.answers import Refused

MODEL = Session().get_service_model("cloudfront")
NAMESPACE = "http://cloudfront.amazonaws.com/doc/2020-05-31/"


def routes():
    """(method, path, the query's own fields, operation), the more particular first."""
    found = []
    for name in MODEL.operation_names:
        http = MODEL.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        pattern = re.compile(re.sub(r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", path))
        fields = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
        found.append((http["method"], pattern, fields, name))
    return sorted(found, key=lambda route: -len(route[2]))


ROUTES = routes()


def recognise(method, path, query):
    """The operation that a request asks for, with its parameters from path and query; or None."""
    for verb, pattern, fields, name in ROUTES:
        found = pattern.fullmatch(path)
        if verb == method and found and fields.items() <= query.items():
            return name, {**found.groupdict(), **{key: text for key, text in query.items() if key not in fields}}
    return None


def refused(code, message):
    """One of CloudFront's errors, with the status that its model gives it."""
    return Refused(MODEL.shape_for(code).metadata["error"]["httpStatusCode"], code, message)
