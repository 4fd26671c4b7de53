"""XML bodies of a REST service, read and written by the shapes that botocore publishes for it.

Input: a body that a program under test sent, or the values of an answer. Output: plain values, or XML. A body is read
strictly: what the shape does not have, lacks or does not allow is an error.
"""

from xml.etree import ElementTree
from xml.sax.saxutils import escape


class Malformed(Exception):
    """A body that the service's shapes do not describe."""


def local(element):
    return element.tag.rpartition("}")[2]


def read(shape, body, name):
    """A whole body, whose root must have this name."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise Malformed(f"it is not XML: {error}") from error
    if local(root) != name:
        raise Malformed(f"expected {name}, found {local(root)}")
    return value(shape, root)


def value(shape, element):
    if shape.type_name == "structure":
        return structure(shape, element)
    if shape.type_name == "list":
        name = shape.member.serialization.get("name", "member")
        for child in element:
            if local(child) != name:
                raise Malformed(f"{local(element)} has {local(child)} in the place of {name}")
        return [value(shape.member, child) for child in element]
    text = element.text or ""
    if len(element):
        raise Malformed(f"{local(element)} holds elements in the place of text")
    if shape.type_name == "boolean":
        if text not in ("true", "false"):
            raise Malformed(f"{local(element)} is {text!r}, not true or false")
        return text == "true"
    if shape.type_name in ("integer", "long"):
        try:
            return int(text)
        except ValueError as error:
            raise Malformed(f"{local(element)} is {text!r}, not a number") from error
    if shape.enum and text not in shape.enum:
        raise Malformed(f"{local(element)} is {text!r}, not one of {', '.join(shape.enum)}")
    return text


def structure(shape, element):
    members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    found = {}
    for child in element:
        if local(child) not in members:
            raise Malformed(f"{local(element)} has no {local(child)}")
        name, member = members[local(child)]
        if name in found:
            raise Malformed(f"{local(element)} has two of {name}")
        found[name] = value(member, child)
    for name in shape.required_members:
        if name not in found:
            raise Malformed(f"{local(element)} lacks {name}")
    return found


def write(shape, held, name, namespace=None):
    """An element of this name. What is None is left out."""
    start = f'<{name} xmlns="{namespace}">' if namespace else f"<{name}>"
    if shape.type_name == "structure":
        parts = [
            write(member, held[key], member.serialization.get("name", key))
            for key, member in shape.members.items() if held.get(key) is not None
        ]
    elif shape.type_name == "list":
        parts = [write(shape.member, item, shape.member.serialization.get("name", "member")) for item in held]
    elif shape.type_name == "boolean":
        parts = ["true" if held else "false"]
    else:
        parts = [escape(str(held))]
    return f"{start}{''.join(parts)}</{name}>"
