"""What the cluster scenarios share: the settings of env.sh, kubectl, the deploy branch, the store, and checks that are counted.

A scenario is a script whose main() makes checks and whose last line is `lab.run(main)`. It expects a cluster that up.sh
brought up with the project's images, and leaves what it deployed to down.sh.
"""
import datetime
import hashlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

KIT = Path(__file__).resolve().parent
PROJECT = KIT.parent.parent
LAB_FILE = Path("labs/test.yaml")
BRANCH = "deploy"
RESULTS = "results"


# --- settings


def settings(env=None):
    """The variables of env.sh, as it gives them in this environment or in another."""
    script = f"set -a; . {KIT / 'env.sh'}; env -0"
    out = subprocess.run(["bash", "-c", script], env=env, capture_output=True, check=True).stdout.decode()
    return dict(line.split("=", 1) for line in out.split("\0") if "=" in line)


ENV = settings()
STORE = f"http://{ENV['NODE_IP']}:{ENV['METRICS_PORT']}"
WEBHOOK = f"http://{ENV['NODE_IP']}:{ENV['WEBHOOK_PORT']}/api/webhook"
GIT_URL = ENV["GIT_URL"]
GIT_DIR = Path(ENV["GIT_ROOT"]) / ENV["GIT_REPO"]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")) / "release"
PROGRAM = Path(os.environ.get("BENCHGRID", TARGET / "benchgrid"))
# no proxy stands between this machine and its own cluster
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


# --- checks, counted

_passed, _failed = 0, []
_began = time.monotonic()


def say(text):
    print(f"{time.monotonic() - _began:7.1f}s  {text}", flush=True)


def check(name, ok, detail=""):
    """Count one expectation; go on either way. Gives back whether it held."""
    global _passed
    if ok:
        _passed += 1
        say(f"ok      {name}")
    else:
        _failed.append(name)
        say(f"FAILED  {name}" + (f": {detail}" if detail != "" else ""))
    return bool(ok)


def equal(name, seen, wanted):
    return check(name, seen == wanted, f"{seen!r}, not {wanted!r}")


def run(main, cluster=True):
    """Run a scenario: exit 0 when every check held and there was at least one. cluster: there is one to ask why not."""
    # an interrupted scenario ends through its `finally` clauses
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except Exception as e:  # noqa: BLE001  (whatever it is, it is a failed check)
        traceback.print_exc()
        check("the scenario ran to its end", False, f"{type(e).__name__}: {e}")
    finally:
        if _failed and cluster:
            dump()
        say(f"{_passed} checks held, {len(_failed)} did not" + "".join(f"\n          - {n}" for n in _failed))
        shutil.rmtree(_work, ignore_errors=True) if not _failed else say(f"work files: {_work}")
    sys.exit(1 if _failed or not _passed else 0)


def wait_until(what, seconds, fn, every=0.5):
    """Call fn until it gives something true, and give that back. An exception counts as not yet."""
    began, last = time.monotonic(), None
    while True:
        try:
            last = fn()
            if last:
                say(f"        {what}: after {time.monotonic() - began:.1f} s")
                return last
        except Exception as e:  # noqa: BLE001
            last = e
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"{what}: not within {seconds} s, last seen: {last!r}")
        time.sleep(every)


# --- programs


class CommandFailed(Exception):
    pass


def command(*args, input=None, cwd=None, ok=(0,), env=None, timeout=300, status=False):
    """Run a program, give back what it wrote to standard output; with `status`, its exit code."""
    r = subprocess.run([str(a) for a in args], input=input, cwd=cwd, capture_output=True, text=True, timeout=timeout,
                       env={**os.environ, "PATH": ENV["PATH"], "KUBECONFIG": ENV["KUBECONFIG"], **(env or {})})
    if r.returncode not in ok:
        raise CommandFailed(f"{' '.join(map(str, args))}: exit {r.returncode}\n{r.stdout[-2000:]}{r.stderr[-4000:]}")
    return r.returncode if status else r.stdout


def kubectl(*args, **more):
    return command("kubectl", *args, **more)


def kubectl_json(*args):
    return json.loads(kubectl(*args, "-o", "json"))


def benchgrid(*args, **more):
    return command(PROGRAM, *args, **more)


def git(*args, **more):
    """git on the bare repository that Argo CD deploys from."""
    return command("git", "-c", "safe.directory=*", "-C", GIT_DIR, *args, **more)


# --- the source: a copy of what a user's repository would hold, so that this checkout gets no deploy branch

_scratch = Path(ENV["CLUSTER_HOME"]) / "tests"
_scratch.mkdir(parents=True, exist_ok=True)
_work = Path(tempfile.mkdtemp(prefix="work-", dir=_scratch))
SOURCE = _work / "source"


def prepare_source():
    """Copy scenarios, labs and bases into a repository of their own, with one commit and a fixed date."""
    if SOURCE.exists():
        return
    for name in ("base", "matrices", "labs"):
        shutil.copytree(PROJECT / name, SOURCE / name)
    for f in [*KIT.glob("*.yaml"), *KIT.glob("scenarios/*.yaml")]:
        copy = SOURCE / f.relative_to(PROJECT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(f, copy)
    # an environment that overrides an address of env.sh gets a lab that says so
    plain = default_settings()
    lab = (SOURCE / LAB_FILE).read_text()
    for key in ("GIT_URL", "NODE_IP", "METRICS_PORT", "WEBHOOK_PORT", "REGISTRY"):
        if plain[key] != ENV[key]:
            lab = lab.replace(plain[key], ENV[key])
    (SOURCE / LAB_FILE).write_text(lab)
    command("git", "init", "-q", "-b", "main", SOURCE)
    commit_source("the scenario under test")


def edit_source(path, *changes):
    """Edit a file of the source as a user would: each change is (what stands there once, what stands there then)."""
    prepare_source()
    text = (SOURCE / path).read_text()
    for old, new in changes:
        if text.count(old) != 1:
            raise ValueError(f"{path} has {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    (SOURCE / path).write_text(text)
    commit_source(f"{path}, changed")


def has_netem():
    """Whether this kernel can delay packets."""
    command("ip", "netns", "add", "benchgrid-netem")
    try:
        command("ip", "netns", "exec", "benchgrid-netem", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
        return True
    except CommandFailed:
        return False
    finally:
        command("ip", "netns", "del", "benchgrid-netem")


def commit_source(message):
    who = {f"GIT_{r}_{k}": v for r in ("AUTHOR", "COMMITTER")
           for k, v in (("NAME", "test"), ("EMAIL", "test@example.invalid"), ("DATE", "2026-01-01T00:00:00Z"))}
    command("git", "add", "-A", cwd=SOURCE)
    if command("git", "status", "--porcelain", cwd=SOURCE):
        command("git", "-c", "commit.gpgsign=false", "commit", "-q", "-m", message, cwd=SOURCE, env=who)


def set_lab(**values):
    """Change settings in the source's lab file: each stands there on a line of its own, once, or not yet, directly below `spec`."""
    prepare_source()
    path = SOURCE / LAB_FILE
    text = path.read_text()
    for key, value in values.items():
        text, n = re.subn(rf"(?m)^( *){re.escape(key)}:.*$", rf"\g<1>{key}: {value}", text)
        if n == 0:
            text, n = re.subn(r"(?m)^spec:.*$", rf"\g<0>\n  {key}: {value}", text)
        if n != 1:
            raise ValueError(f"{LAB_FILE} has {n} lines `{key}:`")
    path.write_text(text)
    commit_source("the lab, changed")


def compile_and_push(*scenarios, **lab):
    """Compile these files and push the branch; gives back its commit as the Git server has it."""
    prepare_source()
    if lab:
        set_lab(**lab)
    out = benchgrid("compile", *scenarios, "--lab", LAB_FILE, "--push", cwd=SOURCE)
    say(f"        compiled {', '.join(map(str, scenarios))}: {out.strip()}")
    # the API server, which does not run here, refreshes Applications when the forge tells it of a push
    kubectl("-n", "argocd", "annotate", "applications.argoproj.io", f"{lab_name()}-root", "argocd.argoproj.io/refresh=normal", "--overwrite", ok=(0, 1))
    return head()


def apply_root():
    """The one thing that is applied by hand."""
    kubectl("apply", "-f", "-", input=show("root.yaml"))


def default_settings():
    return settings({"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")})


def check_addresses():
    """The lab file and env.sh name the same places."""
    text = (PROJECT / LAB_FILE).read_text()
    plain = default_settings()
    for what, url in (("Git", plain["GIT_URL"]), ("the store", f"http://{plain['NODE_IP']}:{plain['METRICS_PORT']}"),
                      ("the webhook", f"http://{plain['NODE_IP']}:{plain['WEBHOOK_PORT']}")):
        check(f"{LAB_FILE} has env.sh's address of {what}", url in text, f"{url} is not in it")
    others = set(re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text)) - {plain["NODE_IP"]}
    check(f"{LAB_FILE} has no other address", not others, ", ".join(sorted(others)))


def lab_name():
    return re.search(r"(?m)^metadata:\s*(?:\{\s*name:|\n\s+name:)\s*([\w.-]+)", (PROJECT / LAB_FILE).read_text())[1]


def scenario_name(path):
    return re.search(r"(?m)^metadata:\s*(?:\{\s*name:|\n\s+name:)\s*([\w.-]+)", (PROJECT / path).read_text())[1]


# --- the deploy branch


def head(ref=f"refs/heads/{BRANCH}"):
    return git("rev-parse", "--verify", "--quiet", ref, ok=(0, 1)).strip() or None


def show(path, ref=BRANCH):
    return git("show", f"{ref}:{path}")


def show_json(path, ref=BRANCH):
    return json.loads(show(path, ref))


def show_tree(folder, ref=BRANCH):
    """Id of a folder's contents."""
    return git("rev-parse", "--verify", "--quiet", f"{ref}:{folder}", ok=(0, 1)).strip()


def ls(folder, ref=BRANCH):
    """All files below a folder of the branch; none when there is no such folder."""
    return git("ls-tree", "-r", "--name-only", ref, "--", folder.rstrip("/") + "/").split()


def cells(scenario):
    return show_json(f"overlays/{scenario}/cells.json")["cells"]


def active(scenario=None):
    """The attempts deployed now, as attempt.json says."""
    return [show_json(p) for p in ls(f"active/{scenario}" if scenario else "active") if p.endswith("/attempt.json")]


def done(scenario=None):
    """How attempts ended."""
    return [show_json(p) for p in ls(f"done/{scenario}" if scenario else "done") if p.endswith(".json")]


def push_event(before=None, after=None, branch=BRANCH):
    """Tell the ApplicationSet controller of a push, as GitHub would."""
    after = after or head(f"refs/heads/{branch}")
    body = {"ref": f"refs/heads/{branch}", "before": before or "0" * 40, "after": after,
            "repository": {"html_url": GIT_URL.removesuffix(".git"), "default_branch": "main"}}
    request = urllib.request.Request(WEBHOOK, json.dumps(body).encode(), {"Content-Type": "application/json", "X-GitHub-Event": "push"})
    with _open(request, timeout=10) as answer:
        return answer.status


def commit_on_branch(changes, message, branch=BRANCH):
    """Commit on the bare repository's branch, without a work tree. changes: path -> new text, or None to remove."""
    env = {"GIT_INDEX_FILE": str(_work / "index"), "GIT_AUTHOR_NAME": "test", "GIT_AUTHOR_EMAIL": "test@example.invalid",
           "GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@example.invalid"}
    Path(env["GIT_INDEX_FILE"]).unlink(missing_ok=True)
    ref = f"refs/heads/{branch}"
    before = head(ref)
    if before:
        git("read-tree", before, env=env)
    for path, text in changes.items():
        if text is None:
            git("rm", "-r", "-q", "--cached", "--", path, env=dict(env, GIT_WORK_TREE=str(_work)))
        else:
            blob = git("hash-object", "-w", "--stdin", input=text).strip()
            git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
    tree = git("write-tree", env=env).strip()
    commit = git("commit-tree", tree, *(("-p", before) if before else ()), "-m", message, env=env).strip()
    git("update-ref", ref, commit, *((before,) if before else ()))
    return commit


# --- the cluster


def cell_namespaces():
    return [n for n in kubectl("get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}").split() if n.startswith("bg-")]


def applications():
    return {a["metadata"]["name"]: a for a in kubectl_json("-n", "argocd", "get", "applications.argoproj.io")["items"]}


def conductor():
    """The conductor's Deployment, where it is available; else None."""
    for d in kubectl_json("get", "deployments", "-A")["items"]:
        if "conductor" in d["metadata"]["name"] and d.get("status", {}).get("availableReplicas"):
            return d
    return None


def application_states():
    return {n: (a.get("status", {}).get("sync", {}).get("status"), a.get("status", {}).get("health", {}).get("status"))
            for n, a in applications().items()}


def objects(text, *options):
    """Objects of a YAML stream; kubectl reads YAML, so that this needs no library, and prints one JSON object after the other."""
    rest, found = kubectl("create", "--dry-run=client", *options, "-o", "json", "-f", "-", input=text).lstrip(), []
    while rest:
        one, end = json.JSONDecoder().raw_decode(rest)
        found.append(one)
        rest = rest[end:].lstrip()
    return found


# --- what breaks


def shell(script, *args):
    """A few lines of bash with the cluster's settings and functions."""
    return command("bash", "-euc", f'. "{KIT}/env.sh"; . "{KIT}/lib.sh"; {script}', "bash", *args)


def stop_daemon(*names):
    """Ask daemons of the cluster to end, as an operator would."""
    shell('stop "$@"', *names)


def kill_daemon(*names):
    """End daemons without a chance to clean up."""
    shell('for n; do read -r pid _ <"$RUN/$n.pid"; kill -9 "$pid"; done; sleep 0.2', *names)


def start_daemons():
    """Start again whatever does not run."""
    command("bash", KIT / "up.sh", timeout=120)


def processes(pod):
    """Ids of the processes in a pod's containers, as this machine sees them."""
    ids = [s["containerID"].split("//")[1] for s in pod["status"].get("containerStatuses", []) if s.get("containerID")]
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                groups = (entry / "cgroup").read_text()
            except OSError:
                continue
            if any(i in groups for i in ids):
                found.append(int(entry.name))
    return found


def pods(namespace, *selector):
    return kubectl_json("-n", namespace, "get", "pods", *selector)["items"]


def kill_pod(namespace, name):
    """A pod's processes killed at once, then the pod: what a machine that dies does to it, and no kubelet waits before it starts again."""
    for pod in pods(namespace):
        if pod["metadata"]["name"] == name:
            for pid in processes(pod):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            kubectl("-n", namespace, "delete", "pod", name, "--grace-period=0", "--force", "--wait=false", ok=(0, 1))


def coordinator_said(attempt):
    """What the attempt's coordinator wrote so far: the records are lines of it."""
    return kubectl("-n", attempt, "logs", "-l", "benchgrid.io/role=coordinator", "--tail=-1", ok=(0, 1))


# --- the store


def store(path, **query):
    with _open(f"{STORE}{path}?{urllib.parse.urlencode(query, doseq=True)}", timeout=30) as answer:
        return answer.read().decode()


def export(match):
    """All samples of these series, whenever: a list of {metric, values, timestamps}."""
    return [json.loads(line) for line in store("/api/v1/export", **{"match[]": match, "start": "0"}).splitlines() if line]


def samples(match):
    """How many samples these series have."""
    return sum(len(s["values"]) for s in export(match))


def records(attempt):
    """One sample a record: which series they are, by their labels."""
    return [dict(s["metric"], value=v) for s in export(f'benchgrid_success{{attempt="{attempt}"}}') for v in s["values"]]


def check_measured(ended, leechers=None, repetitions=None):
    """An attempt that ended as measured: what done/ says of it is what the store holds."""
    attempt = ended["attempt"]
    equal(f"{attempt}: measured", (ended["outcome"], ended["reason"]), ("measured", "ok"))
    got = records(attempt)
    check(f"{attempt}: it made records", ended["records"] > 0)
    equal(f"{attempt}: as many records in the store as done/ says", len(got), ended["records"])
    marker = export(f'benchgrid_attempt_records{{attempt="{attempt}"}}')
    equal(f"{attempt}: the store's marker counts them too", [s["values"] for s in marker], [[ended["records"]]])
    measured = [r for r in got if r["phase"] == "measured"]
    check(f"{attempt}: every transfer succeeded", all(r["value"] == 1 for r in got), [r for r in got if r["value"] != 1])
    if repetitions is not None:
        uploads = {r["repetition"] for r in measured if r["kind"] == "upload"}
        equal(f"{attempt}: one upload a repetition", len(uploads), repetitions)
        downloads = {(r["repetition"], r["node"]) for r in measured if r["kind"] == "download"}
        equal(f"{attempt}: one download a leecher and repetition", len(downloads), repetitions * leechers)
    return got


def check_archived(ended):
    """An attempt's records on the branch of results: as its coordinator printed them, as many as done/ says, with their checksum."""
    path = f"{lab_name()}/{ended['scenario']}/{ended['cell']}/{ended['attempt']}.jsonl"
    text = show(path, "results")
    lines = [json.loads(line) for line in text.splitlines()]
    equal(f"{ended['attempt']}: a line for each record and one for the outcome", len(lines), ended["records"] + 1)
    check(f"{ended['attempt']}: every record is whole", all("schema" in line for line in lines[:-1]), lines[-1].get("archive"))
    equal(f"{ended['attempt']}: the archived outcome", (lines[-1]["verdict"], lines[-1].get("archive")), (ended["outcome"], None))
    said = show(f"{path}.sha256", "results")
    equal(f"{ended['attempt']}: its checksum", said, f"{hashlib.sha256(text.encode()).hexdigest()}  {ended['attempt']}.jsonl\n")


def overhead(ended):
    """Seconds of an attempt beside its transfers, from admission to done/: the median over these attempts."""
    seconds = []
    for e in ended:
        match = f'{{attempt="{e["attempt"]}"}}'
        transfers = sum(s["values"][-1] for s in export("benchgrid_upload_seconds" + match))
        slowest = {}
        for s in export("benchgrid_time_to_100_seconds" + match):
            key = (s["metric"]["phase"], s["metric"]["repetition"])
            slowest[key] = max(slowest.get(key, 0), s["values"][-1])
        began, over = (datetime.datetime.fromisoformat(e[k]) for k in ("admitted", "ended"))
        seconds.append((over - began).total_seconds() - transfers - sum(slowest.values()))
    return statistics.median(seconds)


def forecast(*scenarios):
    """Seconds that these scenarios take, as `plan` says."""
    plans = [json.loads(benchgrid("plan", s, "--lab", LAB_FILE, "--format", "json", cwd=SOURCE)) for s in scenarios]
    return sum(plan["totals"]["hours"] for plan in plans) * 3600


def check_empty():
    """Nothing runs any more, and nothing of it is left in the cluster."""
    equal("active/ is empty", active(), [])
    try:
        wait_until("every cell's namespace is gone", 60, lambda: not cell_namespaces())
    except TimeoutError:
        pass
    equal("no cell's namespace is left", cell_namespaces(), [])
    equal("no cell's Application is left", [n for n in applications() if n.startswith("bg-")], [])


# --- reports


def report(scenario, folder=None):
    """The Markdown that benchgrid makes of what the store holds; its files, where a folder is named."""
    out = ("--out", folder) if folder else ()
    return benchgrid("report", "--lab", LAB_FILE, "--scenario", scenario, *out, cwd=SOURCE)


def check_archive(scenario, folder, *asked):
    """The archive on the branch `results` has every attempt that ended, and gives the report of the store, byte for byte.

    `asked` is what the report in `folder` was asked for, where that was more than the scenario's name.
    """
    def archived():
        if not git("branch", "--list", RESULTS).strip():
            return set()
        return {Path(path).stem for path in git("ls-tree", "-r", "--name-only", RESULTS).split() if path.endswith(".jsonl")}
    ended = {attempt["attempt"] for attempt in done(scenario)}
    wait_until("every attempt that ended is in the archive", 60, lambda: ended <= archived(), every=2)
    command("git", "-C", SOURCE, "-c", "safe.directory=*", "fetch", "-q", GIT_DIR, f"+{RESULTS}:{RESULTS}")
    again = folder.with_name(folder.name + "-archive")
    asked = asked or ("--scenario", scenario)
    benchgrid("report", *asked, "--lab", LAB_FILE, "--archive", RESULTS, "--out", again, cwd=SOURCE)
    inside = lambda top: {path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()}  # noqa: E731
    here, there = inside(folder), inside(again)
    equal("the archive's report has the same files", sorted(map(str, there)), sorted(map(str, here)))
    differ = sorted(str(path) for path in here if there.get(path) != here[path])
    equal(f"each of the report's {len(here)} files is the same from the archive", differ, [])


def table(markdown):
    """The table of cells of a report: a list of {column: cell}."""
    lines = [line.strip() for line in markdown.partition("## Cells")[2].splitlines()]
    for i, line in enumerate(lines[:-1]):
        if line.startswith("|") and re.fullmatch(r"\|[\s:|-]+\|", lines[i + 1]):
            split = lambda row: [c.strip() for c in row.strip("|").split("|")]  # noqa: E731
            rows = []
            for row in lines[i + 2:]:
                if not row.startswith("|"):
                    break
                rows.append(dict(zip(split(line), split(row))))
            return rows
    return []


def check_report(markdown, cells):
    """A table that has every cell, and in every row a number in each of the columns that the project promises."""
    found = table(markdown)
    equal("the report's table has every measured cell", len({row.get("cell") for row in found}), cells)
    columns = {c.lower(): c for c in (found[0] if found else {})}
    for word in ("upload", "ttfb", "t50", "t90", "t100", "speed", "bytes"):
        names = [c for low, c in columns.items() if word in low.replace(" ", "") or (word == "ttfb" and "first" in low)]
        # only a cell as a whole has an upload: it is made by one client
        rows = [row for row in found if word != "upload" or row.get("leechers") == "all"]
        ok = names and rows and all(any(re.search(r"\d", row[c]) for c in names) for row in rows)
        check(f"the report has numbers for {word}", ok, f"columns: {', '.join(columns.values())}")
    return found


# --- when something failed


def dump():
    """What one looks at first, on standard error."""
    commands = [
        ("kubectl", "-n", "argocd", "get", "applicationsets,applications"),
        ("kubectl", "get", "pods", "-A", "-o", "wide"),
        ("kubectl", "get", "events", "-A", "--field-selector", "type=Warning", "--sort-by=.lastTimestamp"),
        ("kubectl", "-n", "argocd", "get", "applicationsets", "-o", "jsonpath={range .items[*]}{.metadata.name}: {.status.conditions}{'\\n'}{end}"),
        ("kubectl", "-n", "argocd", "get", "applications", "-o",
         "jsonpath={range .items[*]}{.metadata.name}: {.status.conditions} {.status.operationState.message}{'\\n'}{end}"),
        ("kubectl", "logs", "-A", "--prefix", "--tail=40", "--all-containers", "--ignore-errors", "-l", "benchgrid.io/lab"),
        ("git", "-C", GIT_DIR, "log", "--oneline", "-n", "20", BRANCH),
        ("git", "-C", GIT_DIR, "ls-tree", "-r", "--name-only", BRANCH, "--", "active/", "done/"),
    ]
    stamp = datetime.datetime.now().strftime("%H:%M:%S")
    for c in commands:
        print(f"\n--- {stamp} {' '.join(map(str, c))}", file=sys.stderr)
        try:
            print(command(*c, ok=range(256), timeout=30)[-8000:], file=sys.stderr)
        except Exception as e:  # noqa: BLE001
            print(e, file=sys.stderr)
    sys.stderr.flush()
