#!/usr/bin/env python3
"""docs/guide/operator.md, run as it stands: every block marked `sh`, one after the other, with this cluster's names in its first.

Between the blocks is what an operator would wait for, and what must be true then.
"""
import json
import os
import re
import shutil
import subprocess
import time

import lab

PAGE = lab.PROJECT / "docs/guide/operator.md"
NAME, BROKEN, CELL = "one-cell", "never-ready", "filesize-5mb.system-http"
NAMES = {
    "GIT_URL": lab.GIT_URL, "GIT_USER": "bench", "GIT_TOKEN": "token", "LAB": str(lab.LAB_FILE), "LAB_NAME": lab.lab_name(), "SCENARIOS": "mine", "NAME": NAME,
    "CELL": CELL, "CONDUCTOR": f"benchgrid-{lab.lab_name()}", "DEPLOY": "../deploy",
}
PERSON = {f"GIT_{r}_{k}": v for r in ("AUTHOR", "COMMITTER") for k, v in (("NAME", "operator"), ("EMAIL", "operator@example.invalid"))}


def blocks():
    """(heading, text) of each block marked `sh`, in the page's order."""
    found, heading, block = [], "", None
    for line in PAGE.read_text().splitlines(True):
        if block is None and line.startswith("## "):
            heading = line[3:].strip()
        elif block is None and line == "```sh\n":
            block = ""
        elif block is not None and line == "```\n":
            found.append((heading, block))
            block = None
        elif block is not None:
            block += line
    return found


class Shell:
    """One shell, as an operator has it: names and functions of a block are there in the next."""

    def __init__(self, folder):
        self.folder, self.state = folder, lab._work / "shell"
        self.state.write_text("".join(f"export {k}={v}\n" for k, v in {**NAMES, **PERSON}.items()))
        programs = lab._work / "bin"
        programs.mkdir()
        (programs / "benchgrid").symlink_to(lab.PROGRAM)
        self.env = dict(os.environ, PATH=f"{programs}:{lab.ENV['PATH']}", KUBECONFIG=lab.ENV["KUBECONFIG"])

    def run(self, text):
        script = f"set -euo pipefail\n. {self.state}\n{text}\nset +e\n{{ declare -f; export -p; }} >{self.state}.new && mv {self.state}.new {self.state}\n"
        return subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=300)


# --- what is true after a block; each is found by words of it


def applied(_):
    lab.wait_until("the conductor runs, and its Secret is there", 180, lab.conductor)
    lab.wait_until("it admits an attempt", 60, lab.active)


def told(said):
    status = json.loads((lab.SOURCE / "status.json").read_text())
    lab.check("status says which campaigns there are", NAME in json.dumps(status) and NAME in said and BROKEN in said, said)


def paused(_):
    lab.wait_until("the conductor says that it is paused", 60, lambda: "the rack is being moved" in lab.kubectl(
        "-n", NAMES["CONDUCTOR"], "logs", "deployment/conductor", "--tail", "20"))


def stopped(_):
    lab.wait_until("everything has stopped", 240, lambda: not lab.active() and not lab.cell_namespaces())
    time.sleep(10)
    lab.equal("nothing is admitted while it is paused", lab.active(), [])


def gone_on(_):
    lab.wait_until("both cells have ended", 400, lambda: {e["scenario"] for e in lab.done()} == {NAME, BROKEN} and not lab.active(), every=1)
    lab.equal("one cell is measured, the other failed", sorted((e["scenario"], e["outcome"]) for e in lab.done()),
              [(BROKEN, "failed"), (NAME, "measured")])


def looked_at(said):
    lab.check("how it failed is said, and what its containers said", "not-ready" in said and "no-such-option" in said, said)


def again(_):
    ended = lab.wait_until("the cell has run again", 300, lambda: lab.done(NAME) if not lab.active() else None)
    lab.equal("and is measured", [e["outcome"] for e in ended], ["measured"])


def changed(said):
    lab.check("the plan says what changes", "1 new, 0 changed, 1 gone" in said, said)
    ended = lab.wait_until("the new cell has ended", 300, lambda: [e for e in lab.done(NAME) if "6mb" in e["slug"]] if not lab.active() else None)
    lab.equal("and is measured", [e["outcome"] for e in ended], ["measured"])


def reported(said):
    lab.check_report(said, 2)
    lab.check("the report's files are there", (lab.SOURCE / "report/report.md").read_text() == said)


def ended(said):
    lab.check("nothing is left", "No resources found" in said, said)
    lab.equal("nor Applications and the like", [o["metadata"]["name"] for kind in ("applications", "applicationsets", "appprojects")
                                                for o in lab.kubectl_json("-n", "argocd", "get", kind)["items"]], ["default"])


AFTER = {"root.yaml": applied, "--format json": told, 'on_branch "Pause"': paused, "Stop everything": stopped, "Go on": gone_on, "${file%.json}.log": looked_at,
         "Run $CELL again": again, "--against deploy": changed, "benchgrid report": reported, "delete application": ended}


def another_size():
    lab.edit_source("mine/one-cell.yaml", ("fileSize: [5MB]", "fileSize: [6MB]"))


BEFORE = {"--against deploy": another_size}


def of(table, text):
    """What a table has for a block."""
    return [function for words, function in table.items() if words in text]


def prepare():
    """A repository of the operator's own: two scenarios, a lab whose conductor has a credential."""
    lab.prepare_source()
    for name in (NAME, BROKEN):
        path = lab.SOURCE / "mine" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text((lab.KIT / f"{name}.yaml").read_text().replace("../../base", "../base"))
    lab.edit_source(lab.LAB_FILE, ("    interval: 2s\n", "    interval: 2s\n    gitSecret: bench-deploy-git\n"), ("  retries: 1\n", "  retries: 0\n"))
    # what the guide's commands write is not to be committed
    (lab.SOURCE / ".git/info/exclude").write_text("status.json\nreport/\n")


def main():
    lab.check_addresses()
    page = blocks()
    names = re.findall(r"(?m)([A-Z_]+)=", page[0][1])
    lab.equal("the first block gives the names that this test sets", sorted(names), sorted(NAMES))
    for table in (AFTER, BEFORE):
        for words in table:
            lab.equal(f"blocks with {words}", sum(words in text for _, text in page), 1)
    prepare()
    shell = Shell(lab.SOURCE)
    for heading, text in page[1:]:
        for before in of(BEFORE, text):
            before()
        seen = shell.run(text)
        print(text + seen.stdout[-3000:] + seen.stderr[-3000:], flush=True)
        if not lab.check(f"{heading}: runs", seen.returncode == 0, f"exit {seen.returncode}"):
            break
        for after in of(AFTER, text):
            after(seen.stdout + (seen.stderr if after is ended else ""))
    shutil.rmtree(lab._work / "deploy", ignore_errors=True)


lab.run(main)
