"""Measures what the budgets are about and prints a line for each: see benches/run."""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from agent import Bed, SIZE
from process import fastest, output, run
from source import CHANGED, PROJECT, SHAPES, Source
from table import Table, shown


def main():
    options = arguments()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="benchgrid-bench-", dir=options.scratch) as scratch:
        bench = Bench(options.program or built(), Path(scratch), options.rounds, table)
        bench.compile(sorted(options.cells))
        bench.validate()
        bench.kustomize()
        bench.report()
        bench.agent()
    print(table.text())
    sys.exit(1 if table.broken else 0)


def arguments():
    memory = Path("/dev/shm")
    parser = argparse.ArgumentParser(prog="benches/run", description="Benchmarks against the compiler's budgets.")
    parser.add_argument("--cells", type=int, nargs="+", choices=SHAPES, default=list(SHAPES), help="sizes of the matrix")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    parser.add_argument("--program", type=Path,
                        help="benchgrid, with benchgrid-probe and examples/synthetic beside it; without it, the release profile is built")
    parser.add_argument("--scratch", type=Path, default=memory if memory.is_dir() else None,
                        help="folder to work in; without it, one in memory")
    return parser.parse_args()


def built():
    """The program, built."""
    said("building")
    release = ["cargo", "build", "--quiet", "--release"]
    run([*release, "--package", "benchgrid", "--package", "benchgrid-probe"], PROJECT)
    run([*release, "--package", "benchgrid-results", "--example", "synthetic"], PROJECT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
    return target / "release" / "benchgrid"


def said(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, program, scratch, rounds, table):
        self.program = program.resolve()
        self.scratch = scratch
        self.rounds = rounds
        self.table = table

    def compile(self, sizes):
        """Compiles matrices of growing size, each beside `git add` and `git commit` of the same tree."""
        full = {}
        for cells in sizes:
            said(f"{cells} cells")
            ours, theirs, last = self.beside_git(cells)
            full[cells] = ours
            self.table.size(cells, ours, theirs)
            if cells >= 1000:
                self.table.ratio(f"compile {cells:,} cells : `git add` and `git commit` of the same tree",
                                 ours.wall, theirs.wall, 0.5)
            if cells == 10000:
                self.table.limit("memory of compiling 10,000 cells", ours.memory, 300, "MiB")
                self.again(last, ours)
            shutil.rmtree(last.folder)
        if {1000, 10000} <= full.keys():
            self.table.ratio("compile 10,000 cells : 1,000 cells", full[10000].wall, full[1000].wall, 12)

    def beside_git(self, cells):
        """The best of both in turn, after their trees were found equal; and the last repository."""
        ours, theirs = [], []
        files = self.scratch / "files"
        empty = Source(self.scratch / f"{cells}", cells)
        for turn in range(self.rounds):
            source = empty.copy(self.scratch / f"{cells}-{turn}")
            ours.append(self.compiled(source))
            if turn == 0:
                checked_out(source, files)
            theirs.append(committed(files, source.git("rev-parse", "deploy^{tree}")))
            if turn < self.rounds - 1:
                shutil.rmtree(source.folder)
        shutil.rmtree(files)
        return fastest(ours), fastest(theirs), source

    def compiled(self, source):
        return run([self.program, "compile", source.scenario, "--lab", source.lab])

    def again(self, source, full):
        """Nothing changed, then one cell changed."""
        before = source.git("rev-parse", "deploy")
        same = fastest([self.compiled(source) for _ in range(self.rounds)])
        if source.git("rev-parse", "deploy") != before:
            sys.exit("a compile of the same scenario made a commit")
        self.table.ratio("compile 10,000 cells, nothing changed : all new", same.wall, full.wall, 0.5)
        source.write(CHANGED)
        times = []
        for turn in range(self.rounds):
            copy = source.copy(self.scratch / f"changed-{turn}")
            times.append(self.compiled(copy))
            new = copy.git("rev-list", "--objects", "deploy", f"^{before}").splitlines()
            shutil.rmtree(copy.folder)
        self.table.ratio("compile 10,000 cells, one changed : all new", fastest(times).wall, full.wall, 0.5)
        self.table.limit("objects of the commit of one changed cell", len(new), 40, "objects")

    def validate(self):
        """Beside the start of kubectl."""
        kubectl = self.tool("kubectl", "validate the reference scenario : `kubectl version --client`")
        if not kubectl:
            return
        said("validate")
        reference = PROJECT / "matrices" / "codex-vs-bittorrent.yaml"
        ours, theirs = self.interleaved([self.program, "validate", reference], [kubectl, "version", "--client"])
        self.table.ratio("validate the reference scenario : `kubectl version --client`", ours.wall, theirs.wall, 1)

    def kustomize(self):
        """A cell beside its own flattened manifest."""
        what = "`kustomize build` of a cell of `{}` : of its flattened manifest"
        kustomize = self.tool("kustomize", what.format("smoke"))
        if not kustomize:
            return
        for scenario in ("codex-vs-bittorrent", "smoke"):
            said(f"kustomize: {scenario}")
            branch = self.scratch / scenario
            run([self.program, "compile", PROJECT / "matrices" / f"{scenario}.yaml", "--lab",
                 PROJECT / "labs" / "example.yaml", "--out", branch])
            cell = next(path for path in sorted((branch / "overlays" / scenario).iterdir()) if path.is_dir())
            flat = self.scratch / f"{scenario}-flat"
            flat.mkdir()
            (flat / "manifest.yaml").write_text(output([kustomize, "build", cell]))
            (flat / "kustomization.yaml").write_text(
                "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- manifest.yaml\n")
            ours, theirs = self.interleaved([kustomize, "build", cell], [kustomize, "build", flat])
            self.table.ratio(what.format(scenario), ours.wall, theirs.wall, 1.5)

    def report(self):
        """From the record files of the reference matrix, two repetitions a trial; with long curves, and ten times as many trials."""
        full, size = self.reported(5, 200)
        what = f"report of 78 cells x 5 trials x 2, {size:.0f} MB of records"
        self.table.line(what, "2 s", shown(full.wall), full.wall <= 2)
        self.table.stated("its processors", shown(full.cpu))
        self.table.limit("its memory", full.memory, 300, "MiB")
        (small, few), (large, many) = self.reported(5, 20), self.reported(50, 20)
        self.table.ratio(f"report of 50 trials a cell : of 5, {many:.0f} MB : {few:.0f} MB", large.wall, small.wall, 12)
        self.table.stated("their memory", f"{large.memory:.0f} MiB : {small.memory:.0f} MiB")

    def reported(self, trials, points):
        """The best of several reports of one campaign, and how many MB of records it has."""
        said(f"report: {trials} trials, curves of {points} points")
        records, out = self.scratch / "records", self.scratch / "report"
        records.mkdir()
        scenario = PROJECT / "matrices" / "codex-vs-bittorrent.yaml"
        lab = PROJECT / "labs" / "example.yaml"
        plan = output([self.program, "plan", scenario, "--lab", lab, "--format", "json"])
        output([self.program.parent / "examples" / "synthetic", records, str(trials), str(points)], given=plan)
        size = sum(file.stat().st_size for file in records.iterdir()) / 1e6
        usages = []
        for _ in range(self.rounds):
            usages.append(run([self.program, "report", scenario, "--lab", lab, "--records", records, "--out", out]))
            shutil.rmtree(out)
        shutil.rmtree(records)
        return fastest(usages), size

    def agent(self):
        """An agent beside a node, and a node without one, at the same time."""
        sampling = "agent, looking at a download of 100 MB at 50 Mbit/s: share of a processor"
        if os.geteuid() != 0:
            self.table.missing(sampling, "root")
            return
        if not all(self.tool(name, sampling) for name in ("ip", "curl")):
            return
        seen = []
        for turn in range(self.rounds):
            said(f"agent {turn + 1}")
            folder = self.scratch / f"agent-{turn}"
            folder.mkdir()
            with Bed(self.program.with_name("benchgrid-probe"), folder) as bed:
                seen.append(bed.measure())
            shutil.rmtree(folder)

        def of(field):
            return statistics.median(getattr(one, field) for one in seen)

        self.table.line(sampling, "1 %", f"{of('sampling') * 100:.2f} %", of("sampling") <= 0.01)
        self.table.stated("agent, hashing what arrived: of a processor for 100 MB", shown(of("verifying") * 1e8 / SIZE))
        self.table.limit("agent, most memory", of("memory"), 20, "MiB")
        self.table.ratio("that download with an agent : without", of("watched"), of("alone"), 1.02)

    def tool(self, name, budget):
        found = shutil.which(name)
        if not found:
            self.table.missing(budget, name)
        return found

    def interleaved(self, ours, theirs):
        """The best of many short runs of both in turn."""
        pairs = [(run(ours), run(theirs)) for _ in range(10 * self.rounds)]
        return tuple(fastest(usages) for usages in zip(*pairs))


def checked_out(source, files):
    """The branch's files."""
    files.mkdir()
    output(["git", f"--git-dir={source.folder / '.git'}", f"--work-tree={files}", "checkout", "--quiet", "deploy", "--", "."])


def committed(files, tree):
    """`git add` and `git commit` of files that must come to this tree."""
    output(["git", "init", "--quiet"], files)
    usage = run(["git", "add", "--all"], files) + run(["git", "commit", "--quiet", "--message=all"], files)
    if output(["git", "rev-parse", "HEAD^{tree}"], files).strip() != tree:
        sys.exit("git makes another tree of the same files")
    shutil.rmtree(files / ".git")
    return usage


if __name__ == "__main__":
    main()
