#!/usr/bin/env python3
"""One cell, from its scenario file to its records: compiled, deployed by Argo CD, measured, taken away."""
import time

import lab

SCENARIO = "tests/cluster/one-cell.yaml"
# as that file has it
LEECHERS, REPETITIONS = 2, 1


def main():
    lab.check_addresses()
    name = lab.scenario_name(SCENARIO)
    commit = lab.compile_and_push(SCENARIO)
    lab.check("the branch is on the Git server", commit)
    cells = lab.cells(name)
    lab.equal("one cell", len(cells), 1)
    lab.equal("compiling deploys nothing", lab.active(), [])
    lab.equal("compiling again changes nothing", lab.compile_and_push(SCENARIO), commit)

    lab.apply_root()
    lab.wait_until("the conductor runs in the cluster, deployed by Argo CD", 120, lab.conductor)
    attempt = lab.wait_until("it admits the cell", 60, lab.active)[0]
    lab.equal("the attempt is this cell's", (attempt["scenario"], attempt["cell"]), (name, cells[0]["id"]))
    began = time.monotonic()
    lab.wait_until("its pods run", 60, lambda: (pods := lab.pods(attempt["attempt"])) and all(p["status"]["phase"] == "Running" for p in pods), every=0.2)
    lab.say(f"SEEN    commit to running: {time.monotonic() - began:.1f} s")
    lab.wait_until("the attempt ends", 300, lambda: lab.done(name) and not lab.active(), every=0.2)
    began = time.monotonic()
    lab.wait_until("its namespace is gone", 60, lambda: not lab.cell_namespaces(), every=0.2)
    lab.say(f"SEEN    removal to gone: {time.monotonic() - began:.1f} s")

    ended = lab.done(name)
    lab.equal("one attempt was enough", [e["attempt"] for e in ended], [attempt["attempt"]])
    lab.check_measured(ended[0], LEECHERS, REPETITIONS)
    lab.check_archived(ended[0])
    lab.say(f"SEEN    an attempt beside its transfers: {lab.overhead(ended):.1f} s")
    lab.check_empty()
    text = lab.report(name)
    print(text, flush=True)
    lab.check_report(text, 1)


lab.run(main)
