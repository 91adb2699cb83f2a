#!/usr/bin/env python3
"""Standalone, strict JSON Schemas for kubeconform: schemas.py SWAGGER OUT CRD...

SWAGGER is Kubernetes' own description of its API, OUT a folder that is made anew, each CRD a file with a CustomResourceDefinition. Every
reference is written out, and every object refuses fields that it does not have.
"""
import json
import shutil
import sys
from pathlib import Path

import yaml

META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
# text in Kubernetes' description, but a number will do
EITHER = {"io.k8s.apimachinery.pkg.api.resource.Quantity": "number", "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "integer"}
# groups whose kinds stand on a deploy branch
GROUPS = {"", "apps", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io"}


def strict(schema):
    """The schema, in which an object that lists its fields has no others."""
    schema = {k: v for k, v in schema.items() if k not in ("description", "default", "example", "examples")}
    if "properties" in schema:
        schema["properties"] = {name: strict(field) for name, field in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = strict(schema[key])
    return schema


def inlined(definitions, schema, path=()):
    """The schema with every reference written out; what refers to itself is anything."""
    if isinstance(schema, list):
        return [inlined(definitions, one, path) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/definitions/")
        if name in EITHER:
            return {"type": ["string", EITHER[name]]}
        return {} if name in path else inlined(definitions, definitions[name], (*path, name))
    return {key: inlined(definitions, value, path) for key, value in schema.items()}


def write(out, group, version, kind, schema):
    # every object says what it is, and that it is this
    schema["properties"]["apiVersion"] = {"enum": [f"{group}/{version}" if group else version]}
    schema["properties"]["kind"] = {"enum": [kind]}
    schema["required"] = sorted({*schema.get("required", []), "apiVersion", "kind", "metadata"})
    suffix = f"-{group.split('.')[0]}-{version}" if group else f"-{version}"
    (out / f"{kind.lower()}{suffix}.json").write_text(json.dumps(schema, sort_keys=True, separators=(",", ":")))


def main(swagger, out, crds):
    definitions = json.loads(Path(swagger).read_text())["definitions"]
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for definition in definitions.values():
        for gvk in definition.get("x-kubernetes-group-version-kind", []):
            if gvk["group"] in GROUPS and "metadata" in definition.get("properties", {}) and not gvk["kind"].endswith("List"):
                write(out, gvk["group"], gvk["version"], gvk["kind"], strict(inlined(definitions, definition)))
    meta = strict(inlined(definitions, definitions[META]))
    for path in crds:
        spec = yaml.safe_load(Path(path).read_text())["spec"]
        for version in spec["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = meta
            write(out, spec["group"], version["name"], spec["names"]["kind"], schema)
    print(f"{len(list(out.iterdir()))} schemas in {out}")


main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
