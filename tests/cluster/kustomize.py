#!/usr/bin/env python3
"""Every cell of every scenario in two labs, as kustomize, `kubectl kustomize` and benchgrid itself build it: all three say the same,
and kubeconform finds nothing against the schemas of Kubernetes and Argo CD, on the rest of the branch and on the bases neither.

Needs what build.sh makes, no cluster and no network. The last checks prove that the others can fail.
"""
import concurrent.futures
import copy
import json
import os
import shutil
from pathlib import Path

import yaml

import lab

# one machine without pools and storage; a cluster with both
LABS = [Path("labs/test.yaml"), Path("labs/example.yaml")]
SCHEMAS = lab.ENV["SCHEMAS"] + "/{{ .ResourceKind }}{{ .KindSuffix }}.json"


def objects(text):
    return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]


def by_name(found):
    named = {f"{o['apiVersion']} {o['kind']} {o['metadata']['name']}": o for o in found}
    assert len(named) == len(found), "two objects of one name"
    return named


def differences(a, b, at=""):
    """Places where two values differ."""
    if type(a) is not type(b):
        return [f"{at}: {a!r} and {b!r}"]
    if isinstance(a, dict):
        return [d for k in sorted({*a, *b}) for d in differences(a.get(k), b.get(k), f"{at}/{k}")]
    if isinstance(a, list) and len(a) == len(b):
        return [d for n, (x, y) in enumerate(zip(a, b)) for d in differences(x, y, f"{at}/{n}")]
    return [] if a == b else [f"{at}: {a!r} and {b!r}"]


def native(scenario, its_lab):
    """All cells as benchgrid builds them, by namespace."""
    config = {"apiVersion": "benchgrid.io/v1alpha1", "kind": "BenchgridCells", "metadata": {"name": "all"},
              "spec": {"scenario": str(scenario), "lab": str(its_lab)}}
    request = {"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [], "functionConfig": config}
    answer = lab.benchgrid("fn", input=json.dumps(request), cwd=lab.SOURCE)
    cells = {}
    for o in objects(answer)[0]["items"]:
        space = o["metadata"]["name"] if o["kind"] == "Namespace" else o["metadata"]["namespace"]
        cells.setdefault(space, []).append(o)
    return cells


def compare(folder, ours, built):
    """Build a cell with the real programs, keep what kustomize says, and give back where the three differ."""
    text = lab.command("kustomize", "build", folder)
    built.write_text(text)
    real = objects(text)
    space = next(o["metadata"]["name"] for o in real if o["kind"] == "Namespace")
    found = differences(by_name(real), by_name(ours.get(space, [])))
    kubectl = lab.kubectl("kustomize", folder)
    if kubectl != text:
        found += [f"kubectl: {d}" for d in differences(by_name(real), by_name(objects(kubectl)))]
    return len(real), found


def cells(pool, scenario, its_lab, out, built):
    """Check a scenario in a lab; gives back how many objects its branch has."""
    lab.benchgrid("compile", scenario, "--lab", its_lab, "--out", out, cwd=lab.SOURCE)
    folders = sorted(k.parent for k in (out / "overlays" / lab.scenario_name(scenario)).glob("*/kustomization.yaml"))
    ours = native(scenario, its_lab)
    name = f"{scenario} in {its_lab}"
    lab.equal(f"{name}: benchgrid builds as many cells as there are folders", len(ours), len(folders))
    results = list(pool.map(lambda f: compare(f, ours, built / f"{f.name}.yaml"), folders))
    different = [f"{f.name}: {d[0]}" for f, (_, d) in zip(folders, results) if d]
    lab.check(f"{name}: {len(folders)} cells are the same from kustomize, kubectl and benchgrid", folders and not different, "\n".join(different[:10]))
    return sum(n for n, _ in results) + rest(out, built)


def rest(out, built):
    """The rest of the branch, built where Argo CD would build it: how many objects."""
    texts = {extra: lab.command("kustomize", "build", out / extra) for extra in ("argocd-apps", "conductor", "dashboards") if (out / extra).exists()}
    texts["root"] = (out / "root.yaml").read_text()
    for name, text in texts.items():
        (built / f"_{name}.yaml").write_text(text)
    return sum(len(objects(text)) for text in texts.values())


def conform(folder):
    """What kubeconform says of all files of a folder: how many objects are valid, and the troubles."""
    said = json.loads(lab.command("kubeconform", "-strict", "-summary", "-output", "json", "-schema-location", SCHEMAS, folder, ok=(0, 1)))
    troubles = [f"{Path(r['filename']).name}: {r['kind']} {r['name']}: {r['msg']}" for r in said["resources"]]
    return said["summary"]["valid"], troubles


def bases(built):
    count = 0
    for base in sorted(k.parent for k in (lab.SOURCE / "base").glob("*/kustomization.yaml")):
        text = lab.command("kustomize", "build", base)
        (built / f"{base.name}.yaml").write_text(text)
        count += len(objects(text))
    return count


def everything(pool, work):
    for scenario in sorted((lab.SOURCE / "matrices").glob("*.yaml")):
        scenario = scenario.relative_to(lab.SOURCE)
        for its_lab in LABS:
            if "pool:" in (lab.SOURCE / scenario).read_text() and "pools:" not in (lab.SOURCE / its_lab).read_text():
                continue
            built = work / "built" / its_lab.stem / scenario.stem
            built.mkdir(parents=True)
            count = cells(pool, scenario, its_lab, work / "out" / its_lab.stem / scenario.stem, built)
            valid, troubles = conform(built)
            lab.check(f"{scenario} in {its_lab}: {count} objects are as the schemas say", valid == count and not troubles,
                      f"{valid} valid\n" + "\n".join(troubles[:20]))
    built = work / "bases"
    built.mkdir()
    count = bases(built)
    valid, troubles = conform(built)
    lab.check(f"bases by themselves: {count} objects are as the schemas say", count and valid == count and not troubles, "\n".join(troubles))


# what kubeconform must refuse: kind, path, value
BROKEN = [
    ("StatefulSet", ("spec", "replica"), 1),
    ("StatefulSet", ("spec", "template", "spec", "containers", 0, "volumemounts"), []),
    ("StatefulSet", ("spec", "template", "spec", "containers", 0, "env", 0, "value"), 1),
    ("StatefulSet", ("spec", "replicas"), "one"),
    ("ConfigMap", ("data", "number"), 1),
    ("Service", ("spec", "ports", 0, "port"), "api"),
    ("NetworkPolicy", ("spec", "policyTypes"), "Egress"),
    ("Job", ("metadata", "label"), {}),
    ("Application", ("spec", "source", "kustomise"), {}),
    ("ApplicationSet", ("spec", "generators", 0, "git", "revisions"), []),
    ("AppProject", ("spec", "destinations"), {}),
    ("AppProject", ("spec", "sourceRepo"), []),
]


def can_fail(work):
    smoke = work / "built" / "test" / "smoke"
    cell = objects(next(f for f in sorted(smoke.iterdir()) if not f.name.startswith("_")).read_text())
    everything = cell + objects((smoke / "_argocd-apps.yaml").read_text()) + objects((smoke / "_root.yaml").read_text())
    folder = work / "broken"
    folder.mkdir()
    for n, (kind, path, value) in enumerate(BROKEN):
        broken = copy.deepcopy(next(o for o in everything if o["kind"] == kind))
        at = broken
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        (folder / f"{n}.yaml").write_text(yaml.safe_dump(broken))
    (folder / "unknown.yaml").write_text("apiVersion: example.com/v1\nkind: Unknown\nmetadata: {name: x}\n")
    valid, troubles = conform(folder)
    lab.equal(f"kubeconform refuses {len(BROKEN)} broken objects and an unknown kind", (valid, len(troubles)), (0, len(BROKEN) + 1))
    changed, missing = copy.deepcopy(cell), cell[1:]
    next(o for o in changed if o["kind"] == "Service")["spec"]["ports"][0]["port"] += 1
    for what, other in (("a changed port", changed), ("a missing object", missing), ("one too many", [*cell, dict(cell[0], kind="Other")])):
        lab.check(f"{what} is a difference", differences(by_name(cell), by_name(other)))


def other_deployers(work):
    """Examples for Flux are as its schemas say, and `active/` builds as Flux would build it, from what it fetches of the branch."""
    flux, broken = lab.PROJECT / "docs/examples/flux", work / "broken-flux"
    count = sum(len(objects(f.read_text())) for f in flux.glob("*.yaml"))
    valid, troubles = conform(flux)
    lab.check(f"{count} objects for Flux are as the schemas say", count and valid == count and not troubles, "\n".join(troubles))
    broken.mkdir()
    text = (flux / "cells.yaml").read_text()
    for n, (old, new) in enumerate((("prune: true", "prune: yes please"), ("ref: {branch", "ref: {branches"), ("path:", "paths:"))):
        (broken / f"{n}.yaml").write_text(text.replace(old, new))
    valid, troubles = conform(broken)
    lab.equal("a field that Flux doesn't know, or not so, is refused", sorted(t.split()[1] for t in troubles),
              ["GitRepository", "Kustomization", "Kustomization"])
    lab.say("CAN'T BE SHOWN HERE: that Fleet's server takes docs/examples/fleet; its schemas are in no package registry")
    fleet = [o for f in (lab.PROJECT / "docs/examples/fleet").glob("*.yaml") for o in objects(f.read_text())]
    lab.equal("objects for Fleet", [o["kind"] for o in fleet], ["GitRepo"])

    branch, fetched = work / "out" / "test" / "smoke", work / "fetched"
    shutil.copytree(branch / "base", fetched / "base")
    shutil.copytree(branch / "overlays", fetched / "active")
    cells = sorted(k.parent for k in fetched.glob("active/*/*/kustomization.yaml"))
    # what Flux writes itself, where a folder has no kustomization.yaml of its own
    (fetched / "active" / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
        + "".join(f"- ./{c.relative_to(fetched / 'active')}\n" for c in cells))
    whole = objects(lab.command("kustomize", "build", fetched / "active"))
    apart = [o for c in cells for o in objects(lab.command("kustomize", "build", c))]
    key = lambda o: (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"])  # noqa: E731
    lab.check(f"{len(cells)} cells are the same, built as one, as Flux does, or apart", len(cells) > 1 and sorted(whole, key=key) == sorted(apart, key=key))


def main():
    lab.prepare_source()
    work = lab.SOURCE.parent
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        everything(pool, work)
    can_fail(work)
    other_deployers(work)


lab.run(main, cluster=False)
