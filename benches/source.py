"""A repository with a scenario of N cells, in real use of a real base."""

import shutil
from copy import copy
from pathlib import Path

from process import output

PROJECT = Path(__file__).resolve().parent.parent

SCENARIO = """\
apiVersion: benchgrid.io/v1alpha1
kind: Scenario
metadata:
  name: grid
spec:
  axes:
    fileSize: [{sizes}]
    uplink: [{rates}]
  systems:
    http:
      base: ../base/http
      groups:
        seed: {{replicas: 1, role: seeder, network: {{up: "{{{{ uplink }}}}", down: 1Gbit, latency: 5ms}}}}
        near: {{replicas: 2, role: leecher}}
        far: {{replicas: {far}, role: leecher, network: {{up: 100Mbit, down: 100Mbit, latency: 50ms}}}}
  measure:
    fileSize: "{{{{ fileSize }}}}"
"""
# the last group's replicas: in all cells, and where one cell is another one
SAME = "2"
CHANGED = '"{{ 3 if fileSize == size(\'1MB\') and uplink == rate(\'1Mbit\') else 2 }}"'
# cells: levels of the two axes
SHAPES = {100: (10, 10), 1000: (10, 100), 10000: (100, 100)}


class Source:
    """The repository: matrices/, labs/, base/, committed; its branch `deploy` is not there yet."""

    def __init__(self, folder, cells):
        self.place(folder)
        self.cells = cells
        folder.mkdir()
        for part in ("base", "labs"):
            shutil.copytree(PROJECT / part, folder / part)
        self.scenario.parent.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.write(SAME)

    def place(self, folder):
        self.folder = folder
        self.scenario = folder / "matrices" / "grid.yaml"
        self.lab = folder / "labs" / "example.yaml"

    def copy(self, folder):
        """The same somewhere else."""
        shutil.copytree(self.folder, folder)
        other = copy(self)
        other.place(folder)
        return other

    def write(self, far):
        """Writes the scenario, and commits it."""
        sizes, rates = SHAPES[self.cells]
        self.scenario.write_text(SCENARIO.format(
            sizes=", ".join(f"{n}MB" for n in range(1, sizes + 1)),
            rates=", ".join(f"{n}Mbit" for n in range(1, rates + 1)),
            far=far,
        ))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=scenario")

    def git(self, *arguments):
        """What a Git command in it prints."""
        return output(["git", *arguments], self.folder).strip()
