#!/usr/bin/env python3
"""The compiler's YAML says the same to every reader: random strings and awkward ones, as values and as keys, read back by PyYAML (YAML 1.1),
ruamel.yaml (1.2), kubectl, and by kubectl once more after `kustomize build`.

SEED and COUNT repeat a run or change its size. Needs what build.sh makes, no cluster and no network.
"""
import itertools
import json
import os
import random
import tempfile
from pathlib import Path

import ruamel.yaml
import yaml

import lab

COUNT = int(os.environ.get("COUNT", 24_000))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
BATCH = 4_000
EMIT = lab.PROGRAM.parent / "examples" / "emit"
# kustomize hands objects on as JSON and reads that as YAML, which does not know these letters: it refuses them, but for U+0085,
# which becomes a line break in values. Whoever wrote the YAML; the cell contract keeps them out (BG0639).
REFUSED = ["\x7f", *map(chr, range(0x80, 0x85)), *map(chr, range(0x86, 0xA0)), "\ufffe", "\uffff"]
CHANGED = "\x85"
# a quoted key to us, a merge key to it
LOST_KEY = "<<"

WORDS = "y n yes no on off true false null ~ .inf -.inf +.INF .nan = << <<: ! !!str !x & &a * *a | |- > >- @ @x ` `x % %x # #x - -- --- ... ? : :: , [ ] [] { } {} ' '' \" \"\""
NUMBERS = "0 -0 +0 00 007 017 08 0o17 0O17 0x1F 0X1f 0b1 1_000 1__0 _1 1e3 1E3 1e+3 1.e1 1.5 .5 5. -.5 1.2.3 1,000 12:30 12:30:45 1:2:3.4 -1:30 190:20:30 2026-01-01 2026-1-1 2026-01-01T00:00:00Z 1e21 1e400 0.1e-400 18446744073709551616 +1 +.5 1. 0. 100m 2Gi 10% 1/2"
TEXTS = ["", " ", "  ", "\t", "\n", "\n\n", " \n", "\r", "\r\n", "a\n", "a\n\n", "\na", "\ta\n", " a\n", "a \n", "a\n b\n", "a\n\tb\n", "a\r\nb\n", "a: b", "a :b", "a:",
         ":a", "a #b", "a# b", "- a", "-a", "? a", "a, b", "key: [x", "{{ x }}", "{{x}}", "$(A)", "%YAML 1.1", "---", "--- a", "...", "a\n---\nb\n", "a\n...\nb\n", "# a\n",
         "\ufeff", "\ufeffa", "\x00", "\x07", "\x1b", "\x7f", "\x80", "\x85", "a\x85b", "\xa0", "\u2028", "a\u2029b", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\uffff",
         "\U0001f600", "\U0010ffff", "é", "e\u0301", "中文", "\u202eabc", "\\", "\\n", "\"a\"", "'a'", "it's", "a'", "x" * 79 + " y", "long " * 60, "l" * 900, "a\n" * 50,
         "trailing ", " leading", "tab\tinside", "1 2", "yes ", "Yes", "YES", "nO", "Null", "NULL", "True", "TRUE", "tRue", "Y", "N", "On", "OFF"]


def awkward():
    return list(dict.fromkeys([*TEXTS, *WORDS.split(), *NUMBERS.split()]))


ALPHABETS = ["abcXYZ019", " \t\n", "-:#?,[]{}&*!|>'\"%@`~=<.", "0123456789.+-_:eExob,", "\r\n\t \x00\x0b\x1b\x7f\x85\xa0\u2028\u2029\ufeff\ufffe", "éß中文😀\u0301\u202e\ue000"]


def one(rng):
    """Sometimes near a word or a number that some reader knows, otherwise letters of some alphabets."""
    kind = rng.random()
    if kind < 0.3:
        text = rng.choice(awkward())[:40]
        at = rng.randrange(len(text) + 1)
        return text[:at] + rng.choice(["", "", " ", "\n", "-", ":", "#", "0", "x", "\t", "\""]) + text[at:]
    letters = "".join(rng.sample(ALPHABETS, rng.randint(1, 3)))
    length = rng.randint(0, 200 if kind > 0.97 else 24)
    text = "".join(rng.choice(letters) for _ in range(length))
    return text + "\n" if rng.random() < 0.15 else text


def emitted(value):
    return lab.command(EMIT, input=json.dumps(value))


def config_map(name, data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def data_by_kubectl(*files):
    """`data` of each file, as Kubernetes' own reader has it."""
    found = {}
    for f in files:
        one = json.loads(lab.kubectl("label", "--local", "-f", f, "a=b", "-o", "json"))
        found[one["metadata"]["name"]] = one.get("data", {})
    return found


def wrong(truth, read):
    """Strings that did not come back, as values or as keys."""
    values = [s for key, s in truth["values"].items() if read["values"].get(key) != s]
    keys = [s for s, v in truth["keys"].items() if read["keys"].get(s) != v]
    return values + keys


def read_1_2(text):
    return ruamel.yaml.YAML(typ="safe", pure=True).load(text)


def batch(name, strings):
    truth = {"values": {f"k{n:05}": s for n, s in enumerate(strings)}, "keys": {s: f"v{n:05}" for n, s in enumerate(strings)}}
    # lists, lists in lists, maps in lists: every place where a string can stand
    nested = {"list": strings, "lists": [[s, [s]] for s in strings[:500]], "maps": [{s: s, "z": {s: [s]}} for s in strings[:500]]}
    text = emitted(nested)
    for reader, read in (("PyYAML", lambda t: yaml.load(t, yaml.CSafeLoader)), ("PyYAML without libyaml", yaml.safe_load), ("ruamel.yaml", read_1_2)):
        lab.check(f"{name}: {reader} reads lists and maps of them", read(text) == nested)
    with tempfile.TemporaryDirectory(prefix="benchgrid-strings-") as d:
        texts = {part: emitted(config_map(part, data)) for part, data in truth.items()}
        for part, text in texts.items():
            Path(d, f"{part}.yaml").write_bytes(text.encode())
        by_program(name, Path(d), truth, texts)
        in_patches(name, Path(d), truth)


def by_program(name, folder, truth, texts):
    files = [folder / f"{part}.yaml" for part in texts]
    for reader, read in (("PyYAML", lambda t: yaml.load(t, yaml.CSafeLoader)), ("ruamel.yaml", read_1_2)):
        lab.equal(f"{name}: {reader} reads values and keys", wrong(truth, {p: read(t)["data"] for p, t in texts.items()}), [])
    lab.equal(f"{name}: kubectl reads values and keys", wrong(truth, data_by_kubectl(*files)), [])
    through_kustomize(name, folder, truth)


def built(folder, config_map, ok=(0,)):
    """A file with what kustomize makes of a ConfigMap."""
    (folder / "in.yaml").write_bytes(emitted(config_map).encode())
    (folder / "kustomization.yaml").write_text("resources: [in.yaml]\n")
    out = folder / f"built-{config_map['metadata']['name']}.yaml"
    out.write_bytes(lab.command("kustomize", "build", folder, ok=ok).encode())
    return out


def through_kustomize(name, folder, truth):
    """What kustomize can carry comes out of it as it went in, for every reader."""
    bad = {*REFUSED, CHANGED}
    truth = {"values": {k: s for k, s in truth["values"].items() if not bad & set(s)},
             "keys": {s: v for s, v in truth["keys"].items() if not bad & set(s) and s != LOST_KEY}}
    files = [built(folder, config_map(part, data)) for part, data in truth.items()]
    lab.equal(f"{name}: kubectl reads what kustomize built", wrong(truth, data_by_kubectl(*files)), [])


def carried(text):
    """What kustomize carries through a build with a patch; the cell contract refuses the rest."""
    return not {*REFUSED, CHANGED} & set(text) and not (text.startswith("\t") and "\n" in text)


def patched(folder, resource, ops, ok=(0,)):
    """`data` of a ConfigMap that kustomize patched, by way of kubectl; nothing where it refused."""
    (folder / "in.yaml").write_bytes(emitted(resource).encode())
    # the mark of the end keeps the line feed of a block there, as in what the compiler writes
    patch = {"patch": emitted(ops) + "...\n", "target": {"kind": "ConfigMap"}}
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": ["in.yaml"], "patches": [patch]}
    (folder / "kustomization.yaml").write_bytes(emitted(kustomization).encode())
    out = folder / "patched.yaml"
    out.write_bytes(lab.command("kustomize", "build", folder, ok=ok).encode())
    return data_by_kubectl(out)[resource["metadata"]["name"]] if out.read_bytes() else None


def in_patches(name, folder, truth):
    """Operations are text within the text of a kustomization; and a patched object is written anew."""
    values = {k: s for k, s in truth["values"].items() if carried(s)}
    keys = {s: v for s, v in truth["keys"].items() if carried(s) and s != LOST_KEY}
    ops = [{"op": "add", "path": f"/data/{k}", "value": s} for k, s in itertools.islice(values.items(), 500)]
    read = patched(folder, config_map("patched", {"k": "v"}), ops)
    lab.equal(f"{name}: kustomize reads patches with them", [op for op in ops if read.get(op["path"][6:]) != op["value"]], [])
    touch = [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]
    read = {part: patched(folder, config_map(part, data), touch) for part, data in (("values", values), ("keys", keys))}
    lab.equal(f"{name}: objects with them can be patched", wrong({"values": values, "keys": keys}, read), [])


def can_fail():
    """Words written plain are told."""
    truth = {"values": {"a": "yes", "b": "1e3", "c": "012", "d": "plain"}, "keys": {"y": "v"}}
    with tempfile.TemporaryDirectory(prefix="benchgrid-strings-") as d:
        for part, data in truth.items():
            head = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {part}}}\ndata:\n"
            Path(d, part).write_text(head + "".join(f"  {k}: {v}\n" for k, v in data.items()))
        read = {part: yaml.safe_load(Path(d, part).read_text())["data"] for part in truth}
        lab.equal("PyYAML shows words that were not quoted", wrong(truth, read), ["yes", "012"])
        lab.equal("ruamel.yaml shows others", wrong(truth, {part: read_1_2(Path(d, part).read_text())["data"] for part in truth}), ["1e3", "012"])


def faults_of_kustomize():
    """Exactly these letters, so that a release that mends them is noticed."""
    with tempfile.TemporaryDirectory(prefix="benchgrid-strings-") as d:
        folder = Path(d)
        taken = [hex(ord(c)) for c in REFUSED for data in ({"k": c}, {c: "v"}) if built(folder, config_map("x", data), ok=(0, 1)).read_bytes()]
        lab.equal(f"kustomize refuses each of {len(REFUSED)} letters as value and as key", taken, [])
        changed = data_by_kubectl(built(folder, config_map("x", {"k": f"a{CHANGED}b"})))["x"]["k"]
        lab.check("kustomize changes U+0085 in values", changed != f"a{CHANGED}b", repr(changed))
        lab.equal("kustomize can't patch what starts with a tab and has several lines", patched(folder, config_map("x", {"k": "\ta\n"}), [
            {"op": "add", "path": "/data/z", "value": "v"}], ok=(0, 1)), None)
        lost = data_by_kubectl(built(folder, config_map("x", {LOST_KEY: "v", "k": "v"})))["x"]
        lab.check(f"kustomize loses the key {LOST_KEY}", LOST_KEY not in lost, lost)
        lab.equal("kustomize refuses U+0085 in keys", built(folder, config_map("x", {CHANGED: "v"}), ok=(0, 1)).read_bytes(), b"")


def main():
    lab.say(f"        SEED={SEED} COUNT={COUNT}")
    rng = random.Random(SEED)
    can_fail()
    faults_of_kustomize()
    batch("awkward strings", awkward())
    strings = {}
    while len(strings) < COUNT:
        strings[one(rng)] = True
    strings = list(strings)
    lab.say(f"        {len(awkward())} awkward strings, {COUNT} random ones, all different")
    for n, part in enumerate(strings[at:at + BATCH] for at in range(0, len(strings), BATCH)):
        batch(f"random strings, part {n + 1}", part)


lab.run(main, cluster=False)
