#!/usr/bin/env python3
"""What must not happen: each thing that a conductor, a cell, a branch or a hand must not be able to do is tried, and must fail.

One cell is deployed by hand and runs to its end; then the same cell runs as the campaign's, and meanwhile its rights and the
conductor's are tried out. At the end the root is removed, and nothing may be left.
"""
import copy
import json
import subprocess
import time
from pathlib import Path

import lab
from enforcer import Enforcer

SCENARIO = Path("tests/cluster/one-cell.yaml")
NAME = lab.scenario_name(SCENARIO)
# two nodes and the coordinator
PODS = 3
CONDUCTOR = f"benchgrid-{lab.lab_name()}"
OTHER_REPOSITORY = "other.git"
# the words of RBAC, since Pod Security says `forbidden` as well
FORBIDDEN = " cannot "
# every kind of which something of ours may be left, and where it could be
KINDS = {
    "applications.argoproj.io": ["-n", "argocd"], "applicationsets.argoproj.io": ["-n", "argocd"], "appprojects.argoproj.io": ["-n", "argocd"],
    "namespaces": [], "clusterroles": [], "clusterrolebindings": [],
}


# --- trying


def attempt(*args, input=None, env=None):
    """Run kubectl: whether it worked, and what it said."""
    try:
        return True, lab.kubectl(*args, input=input, env=env, timeout=60)
    except lab.CommandFailed as e:
        return False, str(e)


def refused(name, said, *words):
    """A try failed, and for the reason that is meant."""
    worked, text = said
    missing = [w for w in words if w not in text]
    lab.check(name, not worked and not missing, ("it worked: " if worked else f"not because of {missing}: ") + text[-600:])


def allowed(name, said):
    worked, text = said
    lab.check(name, worked, text[-600:])


def account(namespace, name):
    """An environment in which kubectl is this service account, and nothing else."""
    admin = json.loads(lab.kubectl("config", "view", "--raw", "-o", "json"))
    config = copy.deepcopy(admin)
    config["users"] = [{"name": u["name"], "user": {"token": lab.kubectl("-n", namespace, "create", "token", name).strip()}} for u in admin["users"]]
    path = lab._work / f"{namespace}-{name}.json"
    path.write_text(json.dumps(config))
    env = {"KUBECONFIG": str(path)}
    who = json.loads(lab.kubectl("auth", "whoami", "-o", "json", env=env))["status"]["userInfo"]["username"]
    lab.equal(f"tries are made as {name} of {namespace}", who, f"system:serviceaccount:{namespace}:{name}")
    return env


def pod(name, namespace, spec=None):
    spec = spec or {"containers": [{"name": "c", "image": f"{lab.ENV['REGISTRY']}/pause:1"}]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec})


def manifests(*objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


# --- a cell by hand


def by_hand(branch, slug):
    """`kubectl apply -k` of an overlay: it runs to its end, counts in no table and stands in nobody's way."""
    lab.kubectl("apply", "-k", branch / "overlays" / NAME / slug)
    namespace = next(n for n in lab.cell_namespaces() if n.endswith("-t0a0"))
    lab.wait_until("the cell that was deployed by hand is over", 240, lambda: any(
        c["status"] == "True" for j in lab.kubectl_json("-n", namespace, "get", "jobs")["items"] for c in j["status"].get("conditions", [])))
    job = lab.kubectl_json("-n", namespace, "get", "jobs")["items"][0]
    lab.equal("its coordinator ended well", job["status"].get("succeeded"), 1)
    lab.wait_until("its outcome is in the store", 30, lambda: lab.export(f'benchgrid_attempt_records{{attempt="{namespace}"}}'))
    lab.check("its records bear the trial 0", {r["trial"] for r in lab.records(namespace)} == {"0"})
    text = lab.report(NAME)
    # one node is enough for what follows; more, beside another cell, is more than a machine of 2 cores has
    for name in lab.kubectl("-n", namespace, "get", "statefulsets", "-o", "jsonpath={.items[*].metadata.name}").split()[1:]:
        lab.kubectl("-n", namespace, "delete", "statefulset", name)
    lab.check("the report says that it doesn't count", "No cell has an attempt that counts" in text and f"| {namespace} | measured |" in text, text)
    return namespace


# --- rights


def conductors_rights(running, other):
    me = account(CONDUCTOR, "conductor")
    lab.kubectl("-n", CONDUCTOR, "create", "secret", "generic", "bait", "--from-literal=a=b")
    for namespace, what in ((CONDUCTOR, "its own namespace"), ("argocd", "Argo CD's"), (running, "a cell")):
        refused(f"the conductor may not list Secrets of {what}", attempt("-n", namespace, "get", "secrets", env=me), FORBIDDEN)
    refused("the conductor may not read a Secret of its own namespace", attempt("-n", CONDUCTOR, "get", "secret", "bait", env=me), FORBIDDEN)
    refused("the conductor may not read Argo CD's Secret", attempt("-n", "argocd", "get", "secret", "argocd-secret", env=me), FORBIDDEN)
    lab.kubectl("-n", CONDUCTOR, "delete", "secret", "bait")
    for namespace in (CONDUCTOR, running, "default"):
        refused(f"the conductor may not make a pod in {namespace}", attempt("create", "-f", "-", input=pod("p", namespace), env=me), FORBIDDEN)
    for namespace in (CONDUCTOR, running, "kube-system"):
        refused(f"the conductor may not delete the namespace {namespace}", attempt("delete", "namespace", namespace, "--wait=false", env=me), FORBIDDEN)
    for namespace in ("default", "argocd", "kube-system", CONDUCTOR):
        refused(f"the conductor may not list pods of {namespace}", attempt("-n", namespace, "get", "pods", env=me), FORBIDDEN)
    refused("the conductor may not list all pods", attempt("get", "pods", "-A", env=me), FORBIDDEN)
    refused("the conductor may not delete a cell's pods", attempt("-n", running, "delete", "pods", "--all", "--wait=false", env=me), FORBIDDEN)
    refused("the conductor may not see Applications", attempt("-n", "argocd", "get", "applications.argoproj.io", env=me), FORBIDDEN)
    allowed("the conductor lists namespaces", attempt("get", "namespaces", env=me))
    for namespace in (running, other):
        allowed(f"the conductor lists pods of {namespace}", attempt("-n", namespace, "get", "pods", env=me))


def coordinators_rights(running, other):
    me = account(running, "coordinator")
    allowed("a coordinator lists pods of its own cell", attempt("-n", running, "get", "pods", env=me))
    for kind in ("pods", "secrets", "configmaps"):
        refused(f"a coordinator may not list {kind} of another cell", attempt("-n", other, "get", kind, env=me), FORBIDDEN)
    for kind in ("secrets", "configmaps", "statefulsets"):
        refused(f"a coordinator may not list {kind} of its own cell", attempt("-n", running, "get", kind, env=me), FORBIDDEN)
    refused("a coordinator may not list namespaces", attempt("get", "namespaces", env=me), FORBIDDEN)
    refused("a coordinator may not make a pod in its own cell", attempt("create", "-f", "-", input=pod("p", running), env=me), FORBIDDEN)
    refused("a coordinator may not delete pods of its own cell", attempt("-n", running, "delete", "pods", "--all", "--wait=false", env=me), FORBIDDEN)
    name = next(p["metadata"]["name"] for p in lab.pods(running))
    refused("a coordinator may not run programs in its cell's pods", attempt("-n", running, "exec", name, "--", "true", env=me), FORBIDDEN)


def no_tokens(running):
    """Nodes get no token: what a node runs is the user's."""
    with_token = [p["metadata"]["name"] for p in lab.pods(running)
                  if any("serviceAccountToken" in s for v in p["spec"].get("volumes", []) for s in v.get("projected", {}).get("sources", []))]
    lab.check("only the coordinator has a token", with_token and all(n.startswith("coordinator-") for n in with_token), with_token)
    lab.equal("no Secret in a cell", lab.kubectl_json("-n", running, "get", "secrets")["items"], [])


# --- what Argo CD refuses


def application(name, path, namespace, url=None):
    source = {"path": path, "repoURL": url or lab.GIT_URL, "targetRevision": f"refs/heads/{lab.BRANCH}"}
    spec = {"destination": {"namespace": namespace, "server": "https://kubernetes.default.svc"}, "project": f"{lab.lab_name()}-cells", "source": source,
            "syncPolicy": {"automated": {}}}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": name, "namespace": "argocd"}, "spec": spec}


def complaints(name):
    """Everything Argo CD says against an Application."""
    status = lab.applications()[name].get("status", {})
    operation = status.get("operationState", {})
    resources = operation.get("syncResult", {}).get("resources", [])
    return [f"{c['type']}: {c['message']}" for c in status.get("conditions", [])] + [operation.get("message", "")] + [
        r["message"] for r in resources if r.get("status") == "SyncFailed"]


def refused_by_argocd(what, name, objects, *words):
    """Argo CD says no, with the reason, and none of the objects is there."""
    try:
        said = lab.wait_until(f"Argo CD refuses {what}", 60, lambda: [t for t in complaints(name) if all(w in t for w in words)])
        lab.say(f"        {said[0][:200]}")
        lab.check(f"{what} is refused", True)
    except TimeoutError:
        lab.check(f"{what} is refused", False, complaints(name))
    time.sleep(2)
    lab.equal(f"{what}: nothing is deployed", [o for o in objects if attempt("get", *o)[0]], [])


def config_map(name):
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: b}}\n"


def projects():
    """Applications in the cells' project that reach for more than cells."""
    cluster_role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: bg-everything}\nrules: []\n"
    lab.commit_on_branch({
        "tries/harmless/map.yaml": config_map("stray"),
        "tries/role/map.yaml": config_map("stray"),
        "tries/role/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: bg-role}\n",
        "tries/role/role.yaml": cluster_role,
    }, "what must not be deployed")
    lab.command("bash", lab.KIT / "git-repo.sh", OTHER_REPOSITORY)
    other = Path(lab.ENV["GIT_ROOT"]) / OTHER_REPOSITORY
    lab.git("push", "-q", other, lab.BRANCH)
    tries = [
        application("try-destination", "tries/harmless", "kube-system"),
        application("try-repository", "tries/harmless", "bg-repository", lab.GIT_URL.replace(lab.ENV["GIT_REPO"], OTHER_REPOSITORY)),
        application("try-role", "tries/role", "bg-role"),
    ]
    lab.kubectl("create", "-f", "-", input=manifests(*tries))
    stray = ("configmap", "stray", "-n")
    refused_by_argocd("a cell in kube-system", "try-destination", [(*stray, "kube-system")], "InvalidSpecError", "kube-system")
    refused_by_argocd("a cell from another repository", "try-repository", [(*stray, "bg-repository"), ("namespace", "bg-repository")],
                      "InvalidSpecError", OTHER_REPOSITORY)
    refused_by_argocd("a cell with a ClusterRole", "try-role", [("clusterrole", "bg-everything"), (*stray, "bg-role"), ("namespace", "bg-role")],
                      "ClusterRole", "not permitted in project")
    lab.kubectl("-n", "argocd", "delete", "applications", *(a["metadata"]["name"] for a in tries))
    lab.commit_on_branch({"tries": None}, "enough of that")


def strange_kinds(slug):
    """A cell's directory that holds more than a cell may: Argo CD deploys none of it. The conductor is stopped, else it would take it away."""
    lab.kubectl("-n", CONDUCTOR, "scale", "deployment", "conductor", "--replicas=0")
    lab.kubectl("-n", CONDUCTOR, "wait", "--for=delete", "pod", "--all", "--timeout=60s")
    folder = f"overlays/{NAME}/{slug}/"
    files = {p.removeprefix(folder): lab.show(p) for p in lab.ls(folder)}
    kinds = {"Secret": "apiVersion: v1\nkind: Secret\nmetadata: {name: stray}\n",
             "DaemonSet": "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: stray}\nspec: {selector: {matchLabels: {a: b}}, template: "
                          "{metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: cluster.local/pause:1}]}}}\n"}
    cell = next(c for c in lab.cells(NAME) if c["slug"] == slug)
    zero = f"bg-{NAME}-{cell['id']}-{cell['digest'][:6]}-t0a0"
    strange = []
    for n, (kind, text) in enumerate(kinds.items()):
        name = zero.replace("-t0a0", f"-t{n + 7}a1")
        kustomization = files["kustomization.yaml"].replace(zero, name).replace("resources:\n", "resources:\n- stray.yaml\n")
        strange.append(name)
        before = lab.head()
        lab.commit_on_branch({f"active/{NAME}/{name}/{p}": t for p, t in {
            **files, "kustomization.yaml": kustomization, "stray.yaml": text,
            "attempt.json": json.dumps({"attempt": name, "scenario": NAME, "slug": slug})}.items()}, f"a cell with a {kind}")
        lab.push_event(before)
        lab.wait_until("its Application is there", 200, lambda: name in lab.applications())
        refused_by_argocd(f"a cell with a {kind}", name, [("namespace", name)], kind, "not permitted in project")
    # an Application that is still syncing goes when it has used up its retries, and no sooner
    before = lab.head()
    lab.commit_on_branch({f"active/{NAME}/{name}": None for name in strange}, "enough of that")
    lab.push_event(before)
    lab.wait_until("Argo CD is told to remove them", 200, lambda: all(lab.applications()[n]["metadata"].get("deletionTimestamp") for n in strange))
    for name in strange:
        lab.kubectl("-n", "argocd", "patch", "application", name, "--type=merge", "--patch", '{"operation": null}')
    lab.wait_until("their Applications go at once when their syncs are ended", 60, lambda: not set(strange) & set(lab.applications()))


# --- pods


def pods_of(folder):
    """The pods that a built folder makes, by the name of what makes them."""
    built = lab.command("kustomize", "build", folder)
    return {o["metadata"]["name"]: o["spec"]["template"]["spec"] for o in lab.objects(built, "--validate=false") if "template" in o.get("spec", {})}


def level(name, folder):
    """A namespace labelled as the cell's own, with the accounts that its pods name."""
    [built] = lab.objects((folder / "namespace.yaml").read_text(), "--validate=false")
    return labelled(name, built["metadata"]["labels"]["pod-security.kubernetes.io/enforce"])


def labelled(name, enforce):
    labels = {"pod-security.kubernetes.io/enforce": enforce}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    accounts = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": a, "namespace": name}} for a in ("coordinator", "conductor")]
    lab.kubectl("create", "-f", "-", input=manifests(space, *accounts))
    lab.wait_until("its default account is there", 30, lambda: attempt("-n", name, "get", "serviceaccount", "default")[0])
    return enforce


def dry(name, namespace, spec):
    return attempt("create", "--dry-run=server", "-f", "-", input=pod(name, namespace, spec))


def pod_security(branch, slug):
    """What the API server lets into a cell's namespace, by its Pod Security level."""
    privileged = {"containers": [{"name": "c", "image": "cluster.local/pause:1", "securityContext": {"privileged": True}}]}
    lab.set_lab(shaping="none")
    unshaped = lab._work / "unshaped"
    lab.benchgrid("compile", SCENARIO, "--lab", lab.LAB_FILE, "--out", unshaped, cwd=lab.SOURCE)
    lab.set_lab(shaping="tc")
    cell = {"tc": branch / "overlays" / NAME / slug, "none": unshaped / "overlays" / NAME / slug}
    lab.equal("a cell without shaping has the level", level("pods-none", cell["none"]), "baseline")
    lab.equal("a cell with shaping has the level", level("pods-tc", cell["tc"]), "privileged")
    labelled("pods-restricted", "restricted")
    refused("a privileged pod may not run in a cell without shaping", dry("p", "pods-none", privileged), "violates PodSecurity")
    allowed("a privileged pod is what the level of shaped cells lets in", dry("p", "pods-tc", privileged))
    refused("a privileged pod may not run beside the conductor", dry("p", CONDUCTOR, privileged), "violates PodSecurity")
    for shaping, folder in cell.items():
        for name, spec in pods_of(folder).items():
            allowed(f"shaping {shaping}: {name} may run in its cell's namespace", dry(name, f"pods-{shaping}", spec))
            shapers = [c for c in spec.get("initContainers", []) if c["name"] == "shape"]
            wanted = 1 if shaping == "tc" and not name.startswith("coordinator") else 0
            lab.equal(f"shaping {shaping}: {name} has {wanted} containers that shape", len(shapers), wanted)
            without = dict(spec, initContainers=[c for c in spec.get("initContainers", []) if c["name"] != "shape"])
            allowed(f"shaping {shaping}: all else of {name} may run where only restricted pods may", dry(name, "pods-restricted", without))
            for shaper in shapers:
                refused(f"{name}: its shaping container may not", dry(name, "pods-restricted", spec), "violates PodSecurity", '"shape"')
                context = shaper["securityContext"]
                lab.equal(f"{name}: what it may is NET_ADMIN", (context["capabilities"], context["allowPrivilegeEscalation"], context.get("privileged", False)),
                          ({"add": ["NET_ADMIN"], "drop": ["ALL"]}, False, False))
    conductor = pods_of(branch / "conductor")["conductor"]
    allowed("the conductor's pod may run where only restricted pods may", dry("conductor", "pods-restricted", conductor))
    lab.kubectl("delete", "namespace", "pods-none", "pods-tc", "pods-restricted", "--wait=false")


def no_secrets(branch):
    """No overlay holds a Secret, of any scenario; nor does anything else on the branch."""
    out = lab._work / "all"
    for scenario in sorted((lab.SOURCE / "matrices").glob("*.yaml")):
        lab.benchgrid("compile", scenario.relative_to(lab.SOURCE), "--lab", lab.LAB_FILE, "--out", out / scenario.stem, cwd=lab.SOURCE)
    files = [f for folder in (out, branch) for f in folder.rglob("*.yaml")]
    found = [str(f) for f in files if "kind: Secret" in f.read_text()]
    lab.check(f"no Secret in {len(files)} files of branches", files and not found, found)


# --- networks


def isolated(attempt):
    """What the records of an attempt say of each node's network; the newest, where a name was used twice."""
    found = {}
    for s in sorted(lab.export(f'benchgrid_node_info{{attempt="{attempt}"}}'), key=lambda s: s["timestamps"][-1]):
        found[s["metric"]["node"]] = s["metric"]["isolation"]
    return found


def isolation(measured, other):
    """The network plugin here enforces no NetworkPolicy, and none that does can be had from package registries (README.md). So the
    records must say that; and a stand-in of this kit shows that cells work behind their policies, which keep them apart."""
    lab.say("CAN'T BE SHOWN HERE: that a network plugin in use keeps cells apart by their policies; enforcer.py stands in for one")
    found = isolated(measured["attempt"])
    lab.check("every node's record says that its network is not isolated", found and set(found.values()) == {"not"}, found)
    before = set(lab.ls(f"done/{NAME}"))
    with Enforcer():
        lab.commit_on_branch(dict.fromkeys(before), "run it again, behind policies")
        running = lab.wait_until("the cell runs again", 120, lab.active)[0]["attempt"]
        lab.wait_until("its pods run", 120, lambda: pods_of_attempt(running, "Running") >= PODS)
        reaches(running, other, apart=True)
        lab.wait_until("the attempt ends", 300, lambda: lab.done(NAME) and not lab.active())
    again = lab.done(NAME)[0]
    lab.equal("the cell is measured behind its policies", (again["outcome"], again["reason"]), ("measured", "ok"))
    found = isolated(again["attempt"])
    lab.check("every node's record says that its network is isolated", found and set(found.values()) == {"enforced"}, found)


def pods_of_attempt(attempt, phase):
    return sum(p["status"]["phase"] == phase for p in lab.pods(attempt))


def reaches(running, other, apart):
    """A node's pod reaches its neighbours; whether it reaches pods of another cell depends on what enforces policies."""
    nodes = {n: [p for p in lab.pods(n, "-l", "benchgrid.io/role=node")] for n in (running, other)}
    one, neighbour = nodes[running][:2]
    container = next(c for c in one["spec"]["containers"] if c.get("ports") and c["name"] != "agent")
    port = container["ports"][0]["containerPort"]
    lab.check("a node reaches its neighbour", connects(one, neighbour, port))
    how = "behind its policies" if apart else "while nothing enforces policies"
    what = "does not reach" if apart else "reaches"
    lab.equal(f"a node {what} another cell's, {how}", connects(one, nodes[other][0], port), not apart)
    lab.equal(f"a node of that {what} it, {how}", connects(nodes[other][0], one, port), not apart)


def connects(source, target, port):
    """Whether a connection from a pod to another's port is made, tried in the pod's own network namespace."""
    def own(netns):
        return source["status"]["podIP"] in lab.command("nsenter", f"--net={netns}", "--", "ip", "-4", "-o", "address", ok=(0, 1))
    netns = next(n for n in Path("/var/run/netns").glob("cni-*") if own(n))
    code = f"import socket; socket.create_connection(({target['status']['podIP']!r}, {port}), 3)"
    return subprocess.run(["nsenter", f"--net={netns}", "--", "python3", "-c", code], capture_output=True).returncode == 0


# --- the end


def left():
    """What is left of the lab, anywhere."""
    found = []
    for kind, where in KINDS.items():
        for o in lab.kubectl_json(*where, "get", kind)["items"]:
            name, labels = o["metadata"]["name"], o["metadata"].get("labels", {})
            if labels.get("benchgrid.io/lab") == lab.lab_name() or name.startswith(("bg-", "benchgrid-", f"{lab.lab_name()}-")):
                found.append(f"{kind.split('.')[0]}/{name}")
    return found


def removed(what, expected, *command):
    """Remove; nothing but what is expected may be left. kubectl waits for the end by itself."""
    began = time.monotonic()
    try:
        lab.kubectl(*command, timeout=300)
    except subprocess.TimeoutExpired:
        lab.check(f"{what} ends by itself", False, left())
        return
    seconds = time.monotonic() - began
    lab.say(f"SEEN    {what}: {seconds:.1f} s")
    lab.equal(f"{what} leaves", sorted(left()), sorted(expected))


def remove_everything():
    """The root, each time while a cell runs: it takes everything along but its own project, which was applied with it."""
    root = f"{lab.lab_name()}-root"
    ended = [p for p in lab.ls(f"done/{NAME}") if p.endswith(".json")]
    lab.commit_on_branch(dict.fromkeys(ended), "run it again")
    lab.kubectl("-n", CONDUCTOR, "scale", "deployment", "conductor", "--replicas=1")
    lab.wait_until("a cell runs again", 120, cell_runs)
    removed("deleting the root Application", [f"appprojects/{root}"], "-n", "argocd", "delete", "application", root)
    removed("deleting its project", [], "-n", "argocd", "delete", "appproject", root)
    # the same by the file that was applied: both are told to go at once
    lab.apply_root()
    lab.wait_until("everything is back", 200, lambda: lab.conductor() and cell_runs())
    removed("kubectl delete -f root.yaml", [], "delete", "-f", checked_out() / "root.yaml")


def cell_runs():
    return [n for n in lab.cell_namespaces() if len(lab.pods(n)) >= PODS]


def checked_out():
    """The branch's files, as they are now."""
    folder = lab._work / f"branch-{lab.head()[:8]}"
    if not folder.exists():
        lab.command("git", "clone", "-q", "-b", lab.BRANCH, lab.GIT_DIR, folder)
    return folder


def main():
    lab.check_addresses()
    # long enough for everything that is tried meanwhile, and with a node less, since one of another cell stays beside it
    slow = next(line for line in (lab.PROJECT / SCENARIO).read_text().splitlines(True) if line.strip().startswith("slow:"))
    lab.edit_source(SCENARIO, ("fileSize: [5MB]", "fileSize: [20MB]"), ("    repetitions: 1\n", "    repetitions: 5\n"), (slow, ""))
    lab.compile_and_push(SCENARIO)
    branch, slug = checked_out(), lab.cells(NAME)[0]["slug"]
    no_secrets(branch)
    other = by_hand(branch, slug)
    lab.apply_root()
    lab.wait_until("the conductor runs", 120, lab.conductor)
    running = lab.wait_until("it admits the cell, though one by hand is still there", 60, lab.active)[0]["attempt"]
    lab.wait_until("the cell's pods are there", 120, lambda: pods_of_attempt(running, "Running") >= PODS)
    conductors_rights(running, other)
    coordinators_rights(running, other)
    no_tokens(running)
    reaches(running, other, apart=False)
    lab.wait_until("the attempt ends", 300, lambda: lab.done(NAME) and not lab.active())
    measured = lab.done(NAME)[0]
    lab.check_measured(measured)
    isolation(measured, other)
    lab.kubectl("delete", "namespace", other)
    pod_security(branch, slug)
    projects()
    strange_kinds(slug)
    remove_everything()


lab.run(main)
