#!/usr/bin/env python3
"""benchgrid as a plugin of kustomize and of `kubectl kustomize`: every example of docs/guide/kustomize-plugin.md, and what the guide does not
show: Argo CD's objects, several cells, and that nothing that is wrong passes for an empty success.

Needs what build.sh makes, no cluster and no network.
"""
import os
import re
import subprocess

import yaml

import lab

GUIDE = lab.PROJECT / "docs/guide/kustomize-plugin.md"
CELL = "filesize-5mb.system-http"
EXEC = {"config.kubernetes.io/function": "exec:\n  path: benchgrid\n  args: [fn]\n"}
BUILD = ["kustomize", "build", "--enable-alpha-plugins", "--enable-exec"]
OLD = ["kubectl", "kustomize", "--enable-alpha-plugins"]


def environment():
    """benchgrid on PATH, as the guide says."""
    tools = lab.SOURCE.parent / "path"
    tools.mkdir(exist_ok=True)
    (tools / "benchgrid").symlink_to(lab.PROGRAM.absolute())
    return dict(os.environ, PATH=f"{tools}:{lab.ENV['PATH']}", KUSTOMIZE_PLUGIN_HOME=str(lab.SOURCE / "plugins"))


def parts(text):
    """The guide's files and console examples, in their order."""
    pattern = r"`([\w./-]+)`:\n\n```yaml\n(.*?)```|```console\n(.*?)```"
    for m in re.finditer(pattern, text, re.DOTALL):
        yield (m[1], m[2]) if m[1] else (None, m[3])


def examples(text):
    """Commands, each with the exit code and the output that the guide shows."""
    for block in re.split(r"(?m)^\$ ", text)[1:]:
        command, *shown = block.rstrip("\n").split("\n")
        code = int(shown.pop(0)[2:]) if shown and shown[0].startswith("? ") else 0
        yield command, code, "\n".join(shown)


def guide(env):
    ran = 0
    for path, text in parts(GUIDE.read_text()):
        if path:
            (lab.SOURCE / path).parent.mkdir(parents=True, exist_ok=True)
            (lab.SOURCE / path).write_text(text)
            continue
        for command, code, shown in examples(text):
            r = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=lab.SOURCE, env=env, capture_output=True, text=True)
            lab.equal(f"guide: {command}", (r.returncode, (r.stderr + r.stdout).strip()), (code, shown))
            ran += 1
    lab.check("the guide has examples", ran >= 7, ran)


def kustomization(name, generators=(), validators=(), **more):
    """A folder with these configurations: of functions, or of the older plugins."""
    folder = lab.SOURCE / "tried" / name
    folder.mkdir(parents=True)
    lists = {}
    for field, configs in (("generators", generators), ("validators", validators)):
        for n, (kind, annotations, spec) in enumerate(configs):
            file = f"{field}-{n}.yaml"
            config = {"apiVersion": "benchgrid.io/v1alpha1", "kind": kind, "metadata": {"name": f"{field}-{n}", "annotations": annotations}}
            (folder / file).write_text(yaml.safe_dump(config | ({"spec": spec} if spec is not None else {})))
            lists.setdefault(field, []).append(file)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(lists | more))
    return folder


def run(env, how, folder):
    r = subprocess.run([*how, folder], env=env, capture_output=True, text=True)
    return r.returncode, [o for o in yaml.safe_load_all(r.stdout) if o], r.stderr


def spec(**changes):
    return {"scenario": "../../matrices/smoke.yaml", "lab": "../../labs/test.yaml", "cells": [CELL]} | changes


def shown(env, name):
    """A cell as `benchgrid show` prints it."""
    text = lab.benchgrid("show", name, "--scenario", "matrices/smoke.yaml", "--lab", "labs/test.yaml", cwd=lab.SOURCE)
    return {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(text)}


def both_ways(env, what, annotations, how):
    """The same by both protocols."""
    one = kustomization(f"one-{what}", [("BenchgridCells", annotations, spec())], [("CellContract", annotations, None)])
    code, found, errors = run(env, how, one)
    same = {(o["kind"], o["metadata"]["name"]): o for o in found} == shown(env, CELL)
    lab.check(f"{what}: a cell comes out as `benchgrid show` prints it", code == 0 and same, errors)
    code, found, errors = run(env, how, kustomization(f"all-{what}", [("BenchgridCells", annotations, spec(cells=[]))], [("CellContract", annotations, None)]))
    spaces = {o["metadata"]["name"] for o in found if o["kind"] == "Namespace"}
    lab.check(f"{what}: no cell named is all of them, and each keeps the contract", (code, len(spaces)) == (0, 4), errors)
    code, found, errors = run(env, how, kustomization(f"argocd-{what}", [("BenchgridCells", annotations, spec(of="argocd"))]))
    kinds = sorted(o["kind"] for o in found)
    lab.equal(f"{what}: Argo CD's objects", (code, kinds), (0, ["AppProject", "AppProject", "Application", "ApplicationSet"]))
    broken = [{"target": {"kind": "StatefulSet"}, "patch": "- op: add\n  path: /spec/template/spec/hostNetwork\n  value: true\n"}]
    folder = kustomization(f"broken-{what}", [("BenchgridCells", annotations, spec())], [("CellContract", annotations, None)], patches=broken)
    code, found, errors = run(env, how, folder)
    lab.check(f"{what}: a cell that breaks the contract ends the build", code and not found and "error[BG0635]: StatefulSet `http-fast`" in errors, errors)
    for name, config, says in (
        ("an unknown cell", spec(cells=["none"]), "no cell `none` in scenario `smoke`"),
        ("a scenario that is not there", spec(scenario="none.yaml"), "none.yaml is not there"),
        ("a lab that is none", spec(lab="kustomization.yaml"), "error[BG0102]"),
        ("a field that is unknown", spec(cell="x"), "unknown field `cell`"),
        ("a word that is unknown", spec(of="argo"), "unknown variant `argo`"),
        ("no spec", None, "spec"),
    ):
        folder = kustomization(f"{name.replace(' ', '-')}-{what}", [("BenchgridCells", annotations, config)])
        code, found, errors = run(env, how, folder)
        lab.check(f"{what}: {name} is an error, and nothing comes out", code and not found and says in errors, f"{code} {errors}")
    code, found, errors = run(env, how, kustomization(f"nothing-{what}", [], [("CellContract", annotations, None)], resources=[]))
    lab.check(f"{what}: nothing to check is an error", code and not found, f"{code} {errors}")


def by_hand(env):
    """What kustomize does not do, but others that speak the protocol."""
    for name, text, says in (
        ("nothing", "", "not one ResourceList"),
        ("another object", "apiVersion: v1\nkind: ConfigMap\n", "not one ResourceList"),
        ("an old list", "apiVersion: config.kubernetes.io/v1alpha1\nkind: ResourceList\n", "config.kubernetes.io/v1alpha1"),
        ("no configuration", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n", "known are BenchgridCells and CellContract"),
        ("no YAML", "{", "because: line "),
    ):
        r = subprocess.run(["benchgrid", "fn"], input=text, env=env, capture_output=True, text=True)
        lab.check(f"fn: {name} is an error", r.returncode == 2 and not r.stdout and says in r.stderr, r.stderr)
    item = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    config = {"apiVersion": "benchgrid.io/v1alpha1", "kind": "CellContract", "metadata": {"name": "c"}}
    request = yaml.safe_dump({"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [item], "functionConfig": config})
    r = subprocess.run(["benchgrid", "fn"], input=request, env=env, capture_output=True, text=True)
    results = yaml.safe_load(r.stdout)["results"]
    first = results[0]
    lab.check("fn: results say object, place and message", (r.returncode, first["severity"], first["resourceRef"]["kind"], first["field"]["path"]) ==
              (1, "error", "Secret", "kind") and first["message"].startswith("BG0636: "), r.stdout)


def main():
    lab.prepare_source()
    env = environment()
    guide(env)
    both_ways(env, "function", EXEC, BUILD)
    both_ways(env, "older plugin, kubectl", {}, OLD)
    by_hand(env)


lab.run(main, cluster=False)
