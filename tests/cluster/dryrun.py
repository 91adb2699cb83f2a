#!/usr/bin/env python3
"""The API server's dry run takes everything that the compiler writes: every cell of every scenario in two labs, Argo CD's objects,
the conductor's. Nothing of it is deployed.

An object's dry run needs its namespace to be there, so each cell's objects are tried in one that has the same labels as the cell's own;
the cell's Namespace itself is tried as it is. The last checks prove that the others can fail.
"""
import concurrent.futures
import os
import re
import subprocess
import time
from pathlib import Path

import lab

# one machine without storage; a cluster with pools and storage
LABS = [Path("labs/test.yaml"), Path("labs/example.yaml")]
DRY = re.compile(r"(?m)^\S+ (?:created|configured|unchanged|serverside-applied) \(server dry run\)$")
LIMIT_SECONDS = 180

# what the server must refuse: in which built text, what stands there, what stands there then, a word of the answer
BROKEN = [
    ("cell", "clusterIP: None", "clusterIP: Nine", "Service"),
    ("cell", "backoffLimit: 0", "backoffLimit: -1", "Job"),
    ("cell", "podManagementPolicy: Parallel", "podManagementPolicie: Parallel", "StatefulSet"),
    ("cell", "  - Ingress\n", "  - Inwards\n", "NetworkPolicy"),
    ("cell", "kind: ConfigMap\n", "kind: ConfigMaps\n", "ConfigMaps"),
    ("cell", "enforce: privileged", "enforce: privileged?", "Namespace"),
    ("argocd-apps", "goTemplate: true", "goTemplate: often", "ApplicationSet"),
    ("argocd-apps", "sourceRepos:", "sourceRepositories:", "AppProject"),
    ("root", "  syncPolicy:", "  syncPolicies:", "Application"),
    ("conductor", "type: Recreate", "type: Recreated", "Deployment"),
]


def objects(text):
    """How many objects a built text holds."""
    return len(re.findall(r"(?m)^kind: ", text))


class Spaces:
    """Namespaces to try objects in: one for each set of labels that a Namespace object of ours asks of the server."""

    def __init__(self):
        self.known = {}

    def of(self, text):
        """The one for a built text, made where it is not there yet."""
        enforce = re.search(r"pod-security\.kubernetes\.io/enforce: (\w+)", text)[1]
        if enforce not in self.known:
            name = self.known[enforce] = f"dry-{enforce}"
            lab.kubectl("create", "namespace", name)
            lab.kubectl("label", "namespace", name, f"pod-security.kubernetes.io/enforce={enforce}")
        return self.known[enforce]

    def moved(self, text):
        """The text with its namespaced objects in that namespace."""
        own = re.search(r"(?m)^kind: Namespace\nmetadata:\n(?:  .*\n)*?  name: (\S+)$", text)[1]
        return re.sub(rf"(?m)^( *(?:- )?namespace: ){re.escape(own)}$", rf"\g<1>{self.of(text)}", text)

    def gone(self):
        for name in self.known.values():
            lab.kubectl("delete", "namespace", name, "--wait=false")


def tried(files, *options):
    """What the server says of these files: how many objects it takes, and its complaints."""
    seen = subprocess.run(["kubectl", "apply", "--dry-run=server", *options, *(f"--filename={f}" for f in files)], capture_output=True, text=True,
                              env=dict(os.environ, PATH=lab.ENV["PATH"], KUBECONFIG=lab.ENV["KUBECONFIG"]), timeout=LIMIT_SECONDS)
    complaints = [line for line in seen.stderr.splitlines() if line and not line.startswith("Warning:")]
    if seen.returncode and not complaints:
        complaints = [f"exit {seen.returncode}"]
    return len(DRY.findall(seen.stdout)), complaints


def compiled(scenario, its_lab, out):
    lab.benchgrid("compile", scenario, "--lab", its_lab, "--out", out, cwd=lab.SOURCE)
    return sorted(k.parent for k in (out / "overlays" / lab.scenario_name(scenario)).glob("*/kustomization.yaml"))


def built(pool, scenario, its_lab, out, spaces):
    """A branch's texts, as kustomize builds them, by name; the cells' first."""
    folders = compiled(scenario, its_lab, out)
    texts = dict(zip((f.name for f in folders), pool.map(lambda f: lab.command("kustomize", "build", f), folders)))
    texts["_conductor"] = lab.command("kustomize", "build", out / "conductor")
    texts = {name: spaces.moved(text) for name, text in texts.items()}
    texts["_argocd-apps"] = lab.command("kustomize", "build", out / "argocd-apps")
    texts["_root"] = (out / "root.yaml").read_text()
    return texts


def written(texts, folder):
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return sorted(folder.iterdir())


def halves(files):
    """Two batches, tried at once: most of the time is the server's."""
    return [files[::2], files[1::2]]


def everything(pool, spaces, work):
    cells = total = 0
    keep = {}
    for scenario in sorted((lab.SOURCE / "matrices").glob("*.yaml")):
        scenario = scenario.relative_to(lab.SOURCE)
        for its_lab in LABS:
            if "pool:" in (lab.SOURCE / scenario).read_text() and "pools:" not in (lab.SOURCE / its_lab).read_text():
                continue
            texts = built(pool, scenario, its_lab, work / "out" / its_lab.stem / scenario.stem, spaces)
            files = written(texts, work / "dry" / its_lab.stem / scenario.stem)
            answers = list(pool.map(tried, halves(files)))
            taken, complaints = sum(n for n, _ in answers), [c for _, all_of in answers for c in all_of]
            count, of_cells = sum(map(objects, texts.values())), len(texts) - 3
            lab.check(f"{scenario} in {its_lab}: the server takes all {count} objects of {of_cells} cells and of Argo CD", of_cells and taken == count
                      and not complaints, f"{taken} taken\n" + "\n".join(complaints[:20]))
            cells, total = cells + of_cells, total + count
            keep = keep or texts
    return cells, total, keep


def can_fail(texts, work):
    """The server's complaint names what is broken, and the rest of the text is taken."""
    texts = dict(texts, cell=next(iter(texts.values())))
    for n, (where, old, new, word) in enumerate(BROKEN):
        text = texts.get(where) or texts[f"_{where}"]
        assert old in text, (where, old)
        [file] = written({"broken": text.replace(old, new, 1)}, work / "broken" / str(n))
        taken, complaints = tried([file])
        said = "\n".join(complaints)
        lab.check(f"the server refuses {where} with {new.strip()}", taken == objects(text) - 1 and word in said, f"{taken} of {objects(text)} taken\n{said}")


def flux(texts, work):
    """The account that the example for Flux deploys with may make cells, and nothing else."""
    example = (lab.PROJECT / "docs/examples/flux/cells.yaml").read_text().split("\n---\n")
    rights = [one for one in example if "kind: ClusterRole" in one]
    lab.kubectl("create", "-f", "-", input="\n---\n".join(rights))
    account = "--as=system:serviceaccount:flux-system:benchgrid-cells"
    cell = {"cell": next(iter(texts.values()))}
    taken, complaints = tried(written(cell, work / "flux" / "cell"), account)
    lab.equal("Flux's account may make everything of a cell", (taken, complaints), (objects(cell["cell"]), []))
    pods = cell["cell"].replace("  - pods/log\n", "  - pods/log\n  - secrets\n")
    others = {"rights": pods, "conductor": texts["_conductor"], "secret": "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: default}\n"}
    for name, text in others.items():
        _, complaints = tried(written({name: text}, work / "flux" / name), account)
        lab.check(f"Flux's account may not make {name}", any("forbidden" in c for c in complaints), complaints)
    lab.kubectl("delete", "-f", "-", input="\n---\n".join(rights))


def main():
    lab.prepare_source()
    work, spaces, began = lab.SOURCE.parent, Spaces(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        cells, total, texts = everything(pool, spaces, work)
    can_fail(texts, work)
    flux(texts, work)
    seconds = time.monotonic() - began
    lab.say(f"SEEN    {cells} cells, {total} objects: {seconds:.0f} s")
    lab.check(f"all of it takes less than {LIMIT_SECONDS} s", seconds < LIMIT_SECONDS, seconds)
    lab.equal("nothing was deployed", (lab.cell_namespaces(), list(lab.applications())), ([], []))
    spaces.gone()


lab.run(main)
