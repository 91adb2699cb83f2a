#!/usr/bin/env python3
"""Every cell of every scenario, built by the real kustomize: it builds, and it says what benchgrid itself says.

Needs kustomize and benchgrid, no cluster. Both builds are passed through kustomize once more, so that only what they say
is compared and not the order in which they say it.
"""
import concurrent.futures
import difflib
import os
import tempfile
from pathlib import Path

import lab


def built(folder):
    return lab.command("kustomize", "build", folder)


def normal(text):
    """The same objects as kustomize prints them."""
    with tempfile.TemporaryDirectory(prefix="benchgrid-kustomize-") as d:
        Path(d, "objects.yaml").write_text(text)
        Path(d, "kustomization.yaml").write_text("resources: [objects.yaml]\n")
        return built(d)


def compare(scenario, folder):
    real = normal(built(folder))
    ours = normal(lab.benchgrid("show", folder.name, "--scenario", scenario, "--lab", lab.LAB_FILE, cwd=lab.SOURCE))
    return "\n".join(list(difflib.unified_diff(real.splitlines(), ours.splitlines(), "kustomize", "benchgrid", lineterm="", n=2))[:40])


def main():
    lab.prepare_source()
    for path in sorted((lab.SOURCE / "matrices").glob("*.yaml")):
        scenario = path.relative_to(lab.SOURCE)
        out = lab.SOURCE.parent / path.stem
        lab.benchgrid("compile", scenario, "--lab", lab.LAB_FILE, "--out", out, cwd=lab.SOURCE)
        folders = sorted(k.parent for k in (out / "overlays" / lab.scenario_name(scenario)).glob("*/kustomization.yaml"))
        lab.check(f"{scenario}: it has cells", folders)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            differences = list(pool.map(lambda f: compare(scenario, f), folders))
        different = [f.name for f, d in zip(folders, differences) if d]
        lab.check(f"{scenario}: {len(folders)} cells are the same from kustomize and from benchgrid", not different,
                  f"{', '.join(different)}\n{next((d for d in differences if d), '')}")
        for extra in ("argocd-apps", "conductor"):
            if (out / extra / "kustomization.yaml").exists():
                lab.check(f"{scenario}: {extra}/ builds", built(out / extra))


lab.run(main, cluster=False)
