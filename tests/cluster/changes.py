#!/usr/bin/env python3
"""A campaign that is edited while it runs, and what an operator does to one by commits alone.

A new level, a changed cell, a folder edited by hand, a pause, a second run of one cell, another lab's outcome in the same store, a removed scenario.
"""
import time
import urllib.request
from pathlib import Path

import lab

SCENARIO = Path("tests/cluster/scenarios/changes.yaml")
NAME = "changes"


def ended():
    return {e["attempt"]: e for e in lab.done(NAME)}


def edit(*changes):
    lab.edit_source(SCENARIO, *changes)
    return lab.compile_and_push(SCENARIO)


def idle(count, what):
    lab.wait_until(what, 300, lambda: len(ended()) == count and not lab.active(), every=1)


def running():
    """The attempt that runs, once its pods do."""
    def up():
        for attempt in lab.active(NAME):
            if any(p["status"]["phase"] == "Running" for p in lab.pods(attempt["attempt"])):
                return attempt
    return lab.wait_until("an attempt runs", 120, up)


def superseded(attempt, word):
    done = lab.wait_until(f"{attempt['attempt']} is in done/", 30, lambda: ended().get(attempt["attempt"]))
    lab.equal("it is superseded, by the campaign", (done["outcome"], done["by"]), ("superseded", "campaign"))
    lab.check(f"and in words: {word}", word in done["detail"], done["detail"])
    lab.wait_until("its namespace is gone", 90, lambda: attempt["attempt"] not in lab.cell_namespaces())


def a_new_level():
    idle(2, "both cells are measured")
    before = ended()
    edit(("[2MB, 3MB]", "[2MB, 3MB, 4MB]"))
    idle(3, "the new cell is measured")
    new = [e for a, e in ended().items() if a not in before]
    lab.equal("only the new cell was", [e["slug"] for e in new], ["filesize-4mb"])
    lab.equal("what was measured before stands as it was", {a: e for a, e in ended().items() if a in before}, before)


def a_changed_cell():
    edit(("[2MB, 3MB, 4MB]", "[24MB]"))
    attempt = running()
    edit(("fileSize: [24MB]", "fileSize: [24MB, 2MB]"))
    time.sleep(6)
    lab.equal("another level leaves it alone", [a["attempt"] for a in lab.active(NAME)], [attempt["attempt"]])
    edit(("repetitions: 1", "repetitions: 2"))
    superseded(attempt, "another experiment")
    again = running()
    lab.check("the cell runs anew, as another experiment", again["cell"] == attempt["cell"] and again["digest"] != attempt["digest"] and again["number"] == 1, again)
    return again


def another_labs_outcome(attempt):
    line = (f'benchgrid_attempt_records{{lab="elsewhere",scenario="{NAME}",attempt="{attempt["attempt"]}",outcome="measured",reason="ok"}} 7 '
            f"{int(time.time() * 1000)}\n")
    lab._open(urllib.request.Request(f"{lab.STORE}/api/v1/import/prometheus", line.encode()), timeout=10)
    time.sleep(8)
    lab.equal("an outcome of another lab in the same store ends nothing", [a["attempt"] for a in lab.active(NAME)], [attempt["attempt"]])


def edited_by_hand(attempt):
    path = f"active/{NAME}/{attempt['attempt']}/kustomization.yaml"
    lab.commit_on_branch({path: lab.show(path) + "# touched\n"}, "a hand in a running cell")
    superseded(attempt, "by hand")
    again = running()
    lab.equal("its trial is tried anew, under the next number", (again["cell"], again["trial"], again["number"]), (attempt["cell"], 1, 2))
    return again


def paused(attempt):
    lab.commit_on_branch({"paused": "the machines are moved\n"}, "pause")
    lab.wait_until("what runs is measured to its end", 180, lambda: attempt["attempt"] in ended())
    lab.equal("as measured", ended()[attempt["attempt"]]["outcome"], "measured")
    lab.wait_until("its namespace is gone", 60, lambda: not lab.cell_namespaces())
    time.sleep(10)
    lab.equal("nothing is admitted, though a cell waits", lab.active(), [])
    status = lab.benchgrid("status", "--git", lab.GIT_URL, cwd=lab.SOURCE)
    lab.check("status says so, and why", "the machines are moved" in status, status)
    lab.commit_on_branch({"paused": None}, "go on")
    lab.wait_until("it goes on", 180, lambda: not lab.active() and len([e for e in ended().values() if e["outcome"] == "measured" and e["slug"] == "filesize-2mb"]) == 2)


def run_again():
    digests = {c["digest"] for c in lab.cells(NAME)}
    before = next(e for e in ended().values() if e["slug"] == "filesize-2mb" and e["digest"] in digests)
    lab.commit_on_branch({f"done/{NAME}/{before['slug']}/{before['attempt']}.json": None}, "measure it again")
    again = lab.wait_until("the cell is measured again", 180, lambda: next(
        (e for e in ended().values() if (e["cell"], e["digest"], e["outcome"]) == (before["cell"], before["digest"], "measured")), None))
    lab.equal("under a name that was not used before", (again["attempt"] != before["attempt"], again["number"]), (True, before["number"] + 1))
    lab.check_measured(again, 1, 2)


def a_removed_scenario():
    edit(("[24MB, 2MB]", "[24MB, 2MB, 25MB]"))
    attempt = running()
    folder = lab.SOURCE / "other"
    folder.mkdir()
    text = (lab.SOURCE / "tests/cluster/one-cell.yaml").read_text().replace("../../base", "../base")
    (folder / "one-cell.yaml").write_text(text)
    lab.commit_source("a folder of scenarios without it")
    lab.compile_and_push("other")
    superseded(attempt, "no such cell")
    lab.equal("nothing of it may run any more", lab.ls(f"overlays/{NAME}"), [])
    sets = lambda: [s["metadata"]["name"] for s in lab.kubectl_json("-n", "argocd", "get", "applicationsets.argoproj.io")["items"]]  # noqa: E731
    lab.wait_until("its ApplicationSet is gone", 180, lambda: not any(NAME in s for s in sets()))
    lab.check("what it measured stays on the branch", lab.ls(f"done/{NAME}"))
    lab.wait_until("the other scenario is measured", 240, lambda: [e for e in lab.done("one-cell") if e["outcome"] == "measured"] and not lab.active(), every=1)


def main():
    lab.compile_and_push(SCENARIO)
    lab.apply_root()
    a_new_level()
    attempt = a_changed_cell()
    another_labs_outcome(attempt)
    attempt = edited_by_hand(attempt)
    paused(attempt)
    run_again()
    a_removed_scenario()
    lab.check_empty()


lab.run(main)
