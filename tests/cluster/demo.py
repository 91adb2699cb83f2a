#!/usr/bin/env python3
"""The whole 3x3: matrices/demo-3x3.yaml on the cluster, real BitTorrent clients, all trials; its report, and the plan's forecast held against the clock.

SAMPLE=docs/sample/demo-3x3 writes there what a reader needs of it. Takes as long as the plan says.
"""
import os
import platform
import re
import time
from pathlib import Path

import lab
import trace

SCENARIO = Path("matrices/demo-3x3.yaml")
CELLS, TRIALS, REPETITIONS = 9, 3, 2
# how near the forecast of `plan` must come to what the campaign took
FORECAST_TOLERANCE = 0.25


def without_latency():
    """The scenario as this kernel can deploy it; gives back what was taken out."""
    lab.prepare_source()
    text = (lab.SOURCE / SCENARIO).read_text()
    if lab.has_netem():
        return []
    taken = re.findall(r", latency: (\w+)", text)
    lab.say("        this kernel has no netem: the links are without their latency")
    lab.edit_source(SCENARIO, (text, re.sub(r", latency: \w+", "", text)))
    return taken


def watch(name):
    """Until every trial is measured or given up; seconds from the first admission to the last place that is free again."""
    told = -1

    def over():
        nonlocal told
        ended = lab.done(name)
        if len(ended) != told:
            told = len(ended)
            last = max(ended, key=lambda e: e["ended"], default=None)
            lab.say(f"        {told} of {CELLS * TRIALS} ended" + (f", the last: {last['slug']} {last['outcome']} {last['reason']}" if last else ""))
        measured = [e for e in ended if e["outcome"] == "measured"]
        return len(measured) >= CELLS * TRIALS or (not lab.active() and told > len(measured) + CELLS * TRIALS)

    lab.wait_until("the first cell is admitted", 180, lab.active)
    began = time.monotonic()
    try:
        lab.wait_until("every trial is measured", 3 * lab.forecast(SCENARIO), over, every=2)
        lab.wait_until("the last namespace is gone", 60, lambda: not lab.cell_namespaces())
    except TimeoutError as e:
        lab.check("the campaign ended", False, e)
    return time.monotonic() - began


PROVENANCE = """# A sample: the 3x3 demo

[report.md](report.md), [cells.csv](cells.csv) and [comparisons.csv](comparisons.csv) are what `benchgrid report` wrote after `matrices/demo-3x3.yaml` had been deployed by Argo CD on the cluster of `tests/cluster`:
{measured} trials measured, {failed} attempts failed. `SAMPLE=docs/sample/demo-3x3 tests/run --cluster demo` writes this folder anew.

| | |
| --- | --- |
| benchgrid | commit `{commit}` |
| scenario | `matrices/demo-3x3.yaml`{changes} |
| lab | `labs/test.yaml` with 150m of a processor for a node: one machine, {cpus} processors, {memory} GiB, Linux {kernel}, all nodes of a cell on it; one attempt at a time |
| deployed by | Kubernetes 1.34.4, Argo CD 3.2.11; the branch's last commit was `{branch}` |
| client | qBittorrent 4.5.2 (Debian) |
| store | VictoriaMetrics 1.79.5 (Debian) |
| began, ended | {began}, {ended} |
| forecast of `plan`, taken | {forecast:.0f} s, {taken:.0f} s ({off:+.0%}) |
| an attempt beside its transfers, median | {overhead:.1f} s |

What it shows is how a report reads. What it measures is this one machine: all nodes share its processors, and the links are made by the kernel.
"""


def sample(folder, name, **facts):
    """Report and provenance, for readers of the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    report = lab._work / "report"
    for file in ("report.md", "cells.csv", "comparisons.csv"):
        (folder / file).write_text((report / file).read_text())
    ended = lab.done(name)
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / 2**20
    text = PROVENANCE.format(
        measured=len([e for e in ended if e["outcome"] == "measured"]), failed=len([e for e in ended if e["outcome"] == "failed"]),
        branch=lab.head()[:12], cpus=os.cpu_count(), memory=round(memory), kernel=platform.release(),
        began=min(e["admitted"] for e in ended), ended=max(e["ended"] for e in ended), **facts)
    (folder / "README.md").write_text(text)


def main():
    commit = lab.command("git", "-C", lab.PROJECT, "rev-parse", "--short=12", "HEAD").strip()
    taken_out = without_latency()
    # five pods on a machine of two processors
    lab.edit_source(lab.LAB_FILE, ("cpu: 200m", "cpu: 150m"))
    name = lab.scenario_name(SCENARIO)
    expected = lab.forecast(SCENARIO)
    lab.compile_and_push(SCENARIO)
    lab.equal("nine cells", len(lab.cells(name)), CELLS)
    lab.apply_root()
    taken = watch(name)
    measured = [e for e in lab.done(name) if e["outcome"] == "measured"]
    lab.equal("every trial was measured once", len({(e["cell"], e["trial"]) for e in measured}), CELLS * TRIALS)
    sizes = {c["id"]: int(c["levels"]["networkSize"]) for c in lab.cells(name)}
    for e in measured:
        lab.check_measured(e, leechers=sizes[e["cell"]] - 1, repetitions=REPETITIONS)
    folder = lab._work / "report"
    text = lab.benchgrid("report", SCENARIO, "--lab", lab.LAB_FILE, "--out", folder, cwd=lab.SOURCE)
    print(text, flush=True)
    lab.check_report(text, CELLS)
    trace.check_chain(folder, SCENARIO)
    lab.check_archive(name, folder, SCENARIO)
    off = taken / expected - 1
    lab.say(f"SEEN    forecast {expected:.0f} s, taken {taken:.0f} s, {off:+.1%}; {len(lab.done(name)) - len(measured)} attempts failed")
    lab.check(f"the forecast is within {FORECAST_TOLERANCE:.0%} of what it took", abs(off) <= FORECAST_TOLERANCE, f"{off:+.1%}")
    beside = lab.overhead(measured)
    lab.say(f"SEEN    an attempt beside its transfers, median: {beside:.1f} s")
    lab.check_empty()
    if os.environ.get("SAMPLE"):
        changes = f", without its latencies ({', '.join(sorted(set(taken_out)))}): this kernel has no netem" if taken_out else ""
        sample(lab.PROJECT / os.environ["SAMPLE"], name, commit=commit, changes=changes, forecast=expected, taken=taken, off=off, overhead=beside)


lab.run(main)
