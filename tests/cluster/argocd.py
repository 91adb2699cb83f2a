#!/usr/bin/env python3
"""What Argo CD really does with the deploy branch, with times; docs/guide/argocd.md quotes it.

The conductor is taken off the branch: every commit here is made by hand, so that each one has a single cause.
"""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import lab

SCENARIO = Path("tests/cluster/scenarios/watched.yaml")
NAME = "watched"
FOUND = {}


def found(what, text):
    """A line for the guide."""
    FOUND[what] = text
    lab.say(f"SEEN    {what}: {text}")


def since(began):
    return f"{time.monotonic() - began:.1f} s"


def trees(slug, number):
    """The files of one attempt at a cell, as the conductor would write them."""
    cell = next(c for c in lab.cells(NAME) if c["slug"] == slug)
    folder = f"overlays/{NAME}/{slug}/"
    kustomization = lab.show(folder + "kustomization.yaml")
    attempt = f"bg-{NAME}-{cell['id']}-{cell['digest'][:6]}-t1a{number}"
    files = {p.removeprefix(folder): lab.show(p) for p in lab.ls(folder)}
    zero = f"bg-{NAME}-{cell['id']}-{cell['digest'][:6]}-t0a0"
    text = kustomization.replace(zero, attempt).replace("coordinator-t0a0", f"coordinator-t1a{number}")
    files["kustomization.yaml"] = text.replace('benchgrid.io/trial: "0"', 'benchgrid.io/trial: "1"').replace('value: "0"', 'value: "1"')
    files["attempt.json"] = json.dumps({"attempt": attempt, "scenario": NAME, "slug": slug})
    return attempt, {f"active/{NAME}/{attempt}/{p}": t for p, t in files.items()}


def admit(slug, number, event=True):
    attempt, files = trees(slug, number)
    before = lab.head()
    lab.commit_on_branch(files, f"admit {attempt}")
    if event:
        lab.push_event(before)
    return attempt


def remove(*attempts, event=True):
    before = lab.head()
    lab.commit_on_branch({f"active/{NAME}/{a}": None for a in attempts}, "remove")
    if event:
        lab.push_event(before)


def pods_running(attempt):
    pods = lab.pods(attempt)
    return len(pods) >= 3 and all(p["status"]["phase"] == "Running" for p in pods)


def gone(attempt):
    return attempt not in lab.cell_namespaces()


def job(attempt):
    return lab.kubectl_json("-n", attempt, "get", "jobs")["items"][0]


def application(attempt):
    return lab.applications().get(attempt, {})


def operation(attempt):
    return application(attempt).get("status", {}).get("operationState", {})


def appset_errors():
    sets = lab.kubectl_json("-n", "argocd", "get", "applicationsets.argoproj.io")["items"]
    return [c.get("message", "") for s in sets for c in s.get("status", {}).get("conditions", [])
            if c["type"] == "ErrorOccurred" and c["status"] == "True"]


def finished(attempt):
    """The coordinator's termination message, once its Job is over."""
    for pod in lab.pods(attempt, "-l", "benchgrid.io/role=coordinator"):
        for status in pod["status"].get("containerStatuses", []):
            ended = status["state"].get("terminated")
            if ended:
                return json.loads(ended["message"])
    return None


def with_event(slugs):
    began = time.monotonic()
    attempt = admit(slugs[0], 1)
    lab.wait_until("running, with the event", 120, lambda: pods_running(attempt), every=0.2)
    found("commit to running pods, push event posted", since(began))
    return attempt


def elsewhere(attempt):
    """A commit elsewhere on the branch must not sync a running cell."""
    before_operation, uid = operation(attempt), job(attempt)["metadata"]["uid"]
    before = lab.head()
    lab.commit_on_branch({"notes.txt": "elsewhere\n"}, "elsewhere")
    lab.push_event(before)
    lab.kubectl("-n", "argocd", "annotate", "application", attempt, "argocd.argoproj.io/refresh=normal", "--overwrite")
    head = lab.head()
    lab.wait_until("the Application has seen the commit", 60, lambda: application(attempt)["status"]["sync"].get("revision") == head)
    time.sleep(3)
    lab.equal("a commit elsewhere starts no sync", operation(attempt).get("startedAt"), before_operation.get("startedAt"))
    lab.equal("the Job is the same", job(attempt)["metadata"]["uid"], uid)
    found("commit elsewhere on the branch", "the Application's revision moves on, no operation is started, the Job keeps its uid")


def controller_restart(attempt):
    """The application controller is killed and started again while a transfer runs."""
    uid = job(attempt)["metadata"]["uid"]
    pid = int((Path(lab.ENV["RUN"]) / "argocd-application-controller.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    time.sleep(2)
    subprocess.run(["bash", str(lab.KIT / "argocd/up.sh")], check=True, capture_output=True)
    outcome = lab.wait_until("the repetition ends after the controller's restart", 240, lambda: finished(attempt), every=1)
    lab.equal("the attempt is measured all the same", (outcome["verdict"], outcome["reason"]), ("measured", "ok"))
    lab.wait_until("its Job is complete", 30, lambda: job(attempt)["status"].get("succeeded") == 1)
    lab.equal("its Job is the same", job(attempt)["metadata"]["uid"], uid)
    pods = lab.pods(attempt, "-l", "benchgrid.io/role=coordinator")
    lab.equal("it ran once", len(pods), 1)
    found("application controller killed during a repetition", "pods and Job untouched, the attempt ends as measured")


def removal(attempt):
    began = time.monotonic()
    remove(attempt)
    lab.wait_until("gone, with the event", 120, lambda: gone(attempt), every=0.2)
    found("directory removed to namespace gone, push event posted", since(began))


def without_event(slugs):
    began = time.monotonic()
    attempt = admit(slugs[1], 1, event=False)
    lab.wait_until("running, without the event", 900, lambda: pods_running(attempt))
    found("commit to running pods, no push event", since(began))
    began = time.monotonic()
    remove(attempt, event=False)
    lab.wait_until("gone, without the event", 900, lambda: gone(attempt))
    found("directory removed to namespace gone, no push event", since(began))


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-jobs}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [batch], apiVersions: [v1], operations: [CREATE], resources: [jobs]}]
  validations: [{expression: "false", message: no Jobs for now}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-jobs}
spec: {policyName: no-jobs, validationActions: [Deny]}
"""


def sync_fails_once(slugs):
    lab.kubectl("apply", "-f", "-", input=POLICY)
    time.sleep(2)
    attempt = admit(slugs[2], 1)
    state = lab.wait_until("the sync is being retried", 120, lambda: (o := operation(attempt)).get("retryCount", 0) >= 1 and o)
    lab.say(f"        {state.get('phase')}: {state.get('message')}")
    pods = {p["metadata"]["uid"] for p in lab.pods(attempt)}
    lab.kubectl("delete", "-f", "-", input=POLICY)
    lab.wait_until("the sync succeeds", 180, lambda: operation(attempt).get("phase") == "Succeeded")
    lab.wait_until("running after the retry", 60, lambda: pods_running(attempt))
    after = {p["metadata"]["uid"]: p for p in lab.pods(attempt)}
    lab.check("pods that were there are kept", pods and pods <= set(after), f"{pods} and {set(after)}")
    lab.equal("the Job has one pod", len([p for p in after.values() if p["metadata"]["labels"].get("job-name")]), 1)
    found("a sync that fails once", f"retried {operation(attempt)['retryCount']} times, then Succeeded; pods kept, the Job ran once")
    return attempt


def broken_overlay(slugs, neighbour):
    attempt, files = trees(slugs[3], 1)
    top = f"active/{NAME}/{attempt}/kustomization.yaml"
    files[top] = files[top].replace("resources:\n", 'resources:\n- "missing.yaml"\n', 1)
    uid = job(neighbour)["metadata"]["uid"]
    before = lab.head()
    lab.commit_on_branch(files, "a broken overlay")
    lab.push_event(before)
    message = lab.wait_until("the broken Application says so", 120, lambda: [
        c["message"] for c in application(attempt).get("status", {}).get("conditions", []) if c["type"] == "ComparisonError"])
    lab.check("the message names the file", "missing.yaml" in message[0], message)
    lab.check("nothing of it is deployed", gone(attempt))
    lab.equal("its neighbour's Job is the same", job(neighbour)["metadata"]["uid"], uid)
    began = time.monotonic()
    remove(attempt)
    lab.wait_until("the broken Application is gone", 120, lambda: attempt not in lab.applications())
    found("a broken overlay", f"ComparisonError that names the file, nothing deployed, neighbours untouched; removed {since(began)} after its directory")


def branch_deleted(attempt):
    tip, uid = lab.head(), job(attempt)["metadata"]["uid"]
    lab.git("update-ref", "-d", f"refs/heads/{lab.BRANCH}")
    lab.kubectl("-n", "argocd", "annotate", "applicationsets", "--all", "--overwrite", "argocd.argoproj.io/application-set-refresh=true")
    lab.wait_until("the ApplicationSet reports the loss", 60, appset_errors)
    time.sleep(5)
    lab.check("the running cell stays", not gone(attempt) and job(attempt)["metadata"]["uid"] == uid)
    lab.git("update-ref", f"refs/heads/{lab.BRANCH}", tip)
    lab.push_event()
    began = time.monotonic()
    lab.wait_until("the ApplicationSet goes on", 300, lambda: not appset_errors())
    lab.check("the running cell is the same", job(attempt)["metadata"]["uid"] == uid)
    found("branch deleted and restored", f"the ApplicationSet reports an error, running cells stay as they are; it goes on {since(began)} after the restoring push")


def emptied(slugs):
    # one more beside the kept one: a machine of 2 cores has no place for a third
    attempts = [admit(slugs[0], 2)]
    lab.wait_until("one more cell runs", 120, lambda: all(pods_running(a) for a in attempts))
    began = time.monotonic()
    before = lab.head()
    lab.commit_on_branch({f"active/{NAME}": None}, "stop everything")
    lab.push_event(before)
    lab.wait_until("everything is gone", 120, lambda: not lab.cell_namespaces(), every=0.2)
    found("`active/` emptied by a commit", f"{len(attempts) + 1} cells gone after {since(began)}")


def running(slugs):
    first = with_event(slugs)
    elsewhere(first)
    controller_restart(first)
    removal(first)


def trouble(slugs):
    kept = sync_fails_once(slugs)
    broken_overlay(slugs, kept)
    branch_deleted(kept)
    emptied(slugs)


PARTS = {"running": running, "polling": without_event, "trouble": trouble}


def main():
    """All parts, or those named on the command line."""
    lab.compile_and_push(SCENARIO)
    root = lab.show("argocd-apps/kustomization.yaml")
    without = "".join(line for line in root.splitlines(True) if "conductor" not in line)
    lab.commit_on_branch({"argocd-apps/kustomization.yaml": without}, "no conductor")
    lab.apply_root()
    lab.wait_until("the ApplicationSet is there", 120, lambda: lab.kubectl_json("-n", "argocd", "get", "applicationsets.argoproj.io")["items"])
    slugs = [c["slug"] for c in lab.cells(NAME)]
    for name in sys.argv[1:] or PARTS:
        PARTS[name](slugs)
    lab.check_empty()
    print("\n| what | seen |\n| --- | --- |")
    for what, text in FOUND.items():
        print(f"| {what} | {text} |")


lab.run(main)
