"""Follow every value of a table back: to records, their pods, the lines of the branch that made the pods, the scenario.

Nothing here trusts benchgrid's own reading: medians are taken again from raw samples, manifests are built by kustomize from the
commit that admitted the attempt.
"""
import csv
import io
import json
import statistics
from collections import defaultdict

import lab

METRICS = {
    "upload_seconds": ("upload", "benchgrid_upload_seconds"),
    "time_to_first_byte_seconds": ("download", "benchgrid_time_to_first_byte_seconds"),
    "time_to_50_seconds": ("download", "benchgrid_time_to_50_seconds"),
    "time_to_90_seconds": ("download", "benchgrid_time_to_90_seconds"),
    "time_to_100_seconds": ("download", "benchgrid_time_to_100_seconds"),
    "download_bytes_per_second": ("download", "benchgrid_download_bytes_per_second"),
    "received_bytes": ("download", "benchgrid_network_received_bytes"),
}


def value(metric, kind, cell, system, group, accepted):
    """The table's value, from the store: median over nodes, repetitions, trials, of the attempts that count."""
    match = f'{metric}{{cell="{cell}",system="{system}",kind="{kind}",phase="measured"}}'
    trials = defaultdict(lambda: defaultdict(list))
    for series in lab.export(match):
        labels = series["metric"]
        if labels["attempt"] in accepted and group in ("all", labels["group"]):
            trials[labels["trial"]][labels["repetition"]].append(series["values"][-1])
    return statistics.median(
        statistics.median(statistics.median(nodes) for nodes in repetitions.values()) for repetitions in trials.values()
    ) if trials else None


def check_values(folder):
    """Every number of cells.csv is the one that the raw samples give."""
    wrong, seen = [], 0
    accepted = {attempt["attempt"] for attempt in lab.done() if attempt["outcome"] == "measured"}
    for row in csv.DictReader(io.StringIO((folder / "cells.csv").read_text())):
        for column, (kind, metric) in METRICS.items():
            if row[column] == "":
                continue
            seen += 1
            expected = value(metric, kind, row["cell"], row["system"], row["leechers"], accepted)
            if expected is None or abs(float(row[column]) - expected) > 1e-9 * abs(expected):
                wrong.append((row["cell"], row["system"], row["leechers"], column, row[column], expected))
    lab.check(f"each of the table's {seen} values is the median of its records", seen and not wrong, wrong)


def admission(attempt):
    """The commit that put the attempt's directory on the branch."""
    path = f"active/{attempt['scenario']}/{attempt['attempt']}/attempt.json"
    commits = lab.git("log", "--format=%H", "--diff-filter=A", lab.BRANCH, "--", path).split()
    return commits[-1] if commits else None


def built(attempt, commit):
    """What kustomize makes of the attempt's directory at that commit."""
    folder = lab._work / "trace" / commit
    if not folder.exists():
        folder.mkdir(parents=True)
        archive = folder / "branch.tar"
        lab.git("archive", "-o", archive, commit)
        lab.command("tar", "-xf", archive, "-C", folder)
    path = folder / "active" / attempt["scenario"] / attempt["attempt"]
    return lab.objects(lab.command("kustomize", "build", path))


def check_attempt(attempt, scenario_text):
    """One attempt: its records name pods, the branch's lines make these pods, the scenario has the levels."""
    name = attempt["attempt"]
    commit = admission(attempt)
    if not lab.check(f"{name}: a commit admitted it", commit):
        return
    objects = built(attempt, commit)
    sets = {o["metadata"]["name"]: o for o in objects if o["kind"] == "StatefulSet"}
    pods = {f"{n}-{i}" for n, s in sets.items() for i in range(s["spec"]["replicas"])}
    named = {r["node"] for r in lab.records(name)}
    lab.check(f"{name}: every record is of a pod that the branch's lines make", named and named <= pods, f"{named} and {pods}")
    namespaces = {o["metadata"].get("namespace") for o in objects if o["kind"] != "Namespace"}
    lab.equal(f"{name}: everything it makes is in its namespace", namespaces, {name})
    cell = next(c for c in lab.cells(attempt["scenario"]) if c["id"] == attempt["cell"])
    lab.equal(f"{name}: the digest is the cell's", attempt["digest"][:6], cell["digest"][:6])
    levels = {str(v) for v in cell["levels"].values()}
    lab.check(f"{name}: the scenario has its levels", all(v in scenario_text for v in levels), levels)


def check_chain(folder, scenario_path):
    """From the table to the scenario."""
    check_values(folder)
    text = (lab.SOURCE / scenario_path).read_text()
    for attempt in lab.done(lab.scenario_name(scenario_path)):
        if attempt["outcome"] == "measured":
            check_attempt(attempt, text)
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    samples = [line["id"] for line in lines if "id" in line]
    lab.check("a record has a name of its own", samples and len(set(samples)) == len(samples))
