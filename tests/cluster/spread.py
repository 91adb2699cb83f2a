#!/usr/bin/env python3
"""Is the trial the right unit of statistics? One qbittorrent cell, deployed 5 times, 4 repetitions each.

Prints the split of the spread between and within trials, as the report computes it; docs/methodology.md quotes it.
"""
import re
from pathlib import Path

import lab
import trace

SCENARIO = Path("tests/cluster/scenarios/spread.yaml")


def main():
    lab.compile_and_push(SCENARIO)
    lab.apply_root()
    name = lab.scenario_name(SCENARIO)
    lab.wait_until("five trials are in done/", 1500, lambda: len([d for d in lab.done(name) if d["outcome"] == "measured"]) == 5, every=2)
    for attempt in lab.done(name):
        lab.check_measured(attempt, leechers=2, repetitions=4)
    folder = lab._work / "report"
    report = lab.report(name, folder)
    print(report, flush=True)
    trace.check_chain(folder, SCENARIO)
    rows = [line for line in report.splitlines() if line.startswith("|") and "%" in line and "bittorrent" in line]
    lab.check("the report splits the spread of 5 trials of 4 values", any(re.search(r"\| 5 \| .* % \| .* % \| .* % \|", row) for row in rows), rows)
    lab.check_empty()


lab.run(main)
