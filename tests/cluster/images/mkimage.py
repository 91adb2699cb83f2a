#!/usr/bin/env python3
"""Make a one-layer container image, as a tar that `ctr images import` takes, from files on this machine.

  mkimage.py -o OUT.tar -t NAME:TAG [--entrypoint ARG]... [--cmd ARG]... [--env K=V]... [--user UID[:GID]]
             [--root DIR] [--add SRC:DEST]... [--program SRC[:DEST]]... [--text DEST=TEXT]...
             [--link TARGET:DEST]... [--dir DEST]...

--program takes an executable or a shared object, and with it every library its loader would load, and the loader, at
the paths they have here. --print lists the image's paths instead of making one.
The same inputs give the same bytes: times are zero, owners are root, entries are sorted.
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import re
import stat
import subprocess
import sys
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def parse_arguments():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("-o")
    p.add_argument("-t")
    p.add_argument("--entrypoint", action="append")
    p.add_argument("--cmd", action="append")
    p.add_argument("--env", action="append", default=[])
    p.add_argument("--user", default="")
    p.add_argument("--workdir", default="/")
    p.add_argument("--root")
    p.add_argument("--add", action="append", default=[])
    p.add_argument("--program", action="append", default=[])
    p.add_argument("--text", action="append", default=[])
    p.add_argument("--link", action="append", default=[])
    p.add_argument("--dir", action="append", default=[])
    p.add_argument("--print", action="store_true")
    a = p.parse_args()
    if not a.print and not (a.o and a.t):
        p.error("-o and -t are needed")
    return a


def libraries(path):
    """What the loader would load for `path`, the loader included; nothing for a static program."""
    if path.endswith(".sh") or open(path, "rb").read(4) != b"\x7fELF":
        return []
    r = subprocess.run(["ldd", path], capture_output=True, text=True, env=dict(os.environ, LC_ALL="C"))
    if r.returncode != 0:
        if "not a dynamic executable" in r.stderr + r.stdout:
            return []
        sys.exit(f"mkimage: ldd {path}: {r.stderr.strip()}")
    missing = re.findall(r"^\s*(\S+) => not found", r.stdout, re.M)
    if missing:
        sys.exit(f"mkimage: {path} needs {', '.join(missing)}, not found here")
    return re.findall(r"(?:=> |^\s*)(/\S+) \(0x", r.stdout, re.M)


class Tree:
    def __init__(self):
        self.entries = {}  # path in the image, without the leading slash -> (kind, payload, mode)

    def put(self, path, kind, payload, mode):
        path = path.strip("/")
        parent = os.path.dirname(path)
        while parent:
            self.entries.setdefault(parent, ("dir", None, 0o755))
            parent = os.path.dirname(parent)
        self.entries[path] = (kind, payload, mode)

    def file(self, src, dest):
        self.put(dest, "file", src, 0o755 if os.access(src, os.X_OK) else 0o644)

    def as_here(self, path):
        """Put a file of this machine at its own path, with the symbolic links that lead to it."""
        at = "/"
        parts = [p for p in path.split("/") if p]
        for i, part in enumerate(parts):
            here = os.path.join(at, part)
            if os.path.islink(here):
                target = os.readlink(here)
                self.put(here, "link", target, 0o777)
                return self.as_here(os.path.normpath(os.path.join(at, target, *parts[i + 1:])))
            at = here
        self.file(at, at)

    def program(self, src, dest):
        if dest:
            self.file(src, dest)
        else:
            self.as_here(os.path.abspath(src))
        for lib in libraries(src):
            self.as_here(lib)

    def directory(self, top):
        for base, dirs, files in os.walk(top):
            for name in dirs + files:
                full = os.path.join(base, name)
                mode = os.lstat(full).st_mode
                rel = os.path.relpath(full, top)
                if stat.S_ISLNK(mode):
                    self.put(rel, "link", os.readlink(full), 0o777)
                elif stat.S_ISDIR(mode):
                    self.put(rel, "dir", None, stat.S_IMODE(mode))
                elif stat.S_ISREG(mode):
                    self.put(rel, "file", full, stat.S_IMODE(mode))


def collect(a):
    tree = Tree()
    if a.root:
        tree.directory(a.root)
    for d in a.dir:
        tree.put(d, "dir", None, 0o1777 if d.rstrip("/") == "/tmp" else 0o755)
    for s in a.add:
        tree.file(*s.split(":", 1))
    for s in a.program:
        src, _, dest = s.partition(":")
        tree.program(src, dest)
    for s in a.text:
        dest, text = s.split("=", 1)
        tree.put(dest, "text", text.encode(), 0o644)
    for s in a.link:
        target, dest = s.split(":", 1)
        tree.put(dest, "link", target, 0o777)
    return tree.entries


def layer(entries):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as t:
        for path in sorted(entries):
            kind, payload, mode = entries[path]
            ti = tarfile.TarInfo(path)
            ti.mode = mode
            if kind == "dir":
                ti.type = tarfile.DIRTYPE
                t.addfile(ti)
            elif kind == "link":
                ti.type, ti.linkname = tarfile.SYMTYPE, payload
                t.addfile(ti)
            else:
                data = payload
                if kind == "file":
                    with open(payload, "rb") as f:
                        data = f.read()
                ti.size = len(data)
                t.addfile(ti, io.BytesIO(data))
    return raw.getvalue()


def js(o):
    return json.dumps(o, sort_keys=True, separators=(",", ":")).encode()


def write_image(a, raw):
    blobs = {}

    def blob(data, media, **more):
        h = hashlib.sha256(data).hexdigest()
        blobs[h] = data
        return dict(digest="sha256:" + h, size=len(data), mediaType="application/vnd.oci.image." + media, **more)

    config = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] + a.env, "WorkingDir": a.workdir}
    for key, value in (("Entrypoint", a.entrypoint), ("Cmd", a.cmd), ("User", a.user)):
        if value:
            config[key] = value
    machine = platform.machine()
    layer_d = blob(gzip.compress(raw, 1, mtime=0), "layer.v1.tar+gzip")
    config_d = blob(js({
        "architecture": ARCHITECTURES.get(machine, machine), "os": "linux", "created": "1970-01-01T00:00:00Z", "config": config,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw).hexdigest()]}}), "config.v1+json")
    manifest_d = blob(js({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config_d, "layers": [layer_d]}),
        "manifest.v1+json",
        annotations={"io.containerd.image.name": a.t, "org.opencontainers.image.ref.name": a.t.rsplit(":", 1)[-1]})
    # written beside and renamed, so that an interrupted run leaves no half image
    with tarfile.open(a.o + ".part", "w", format=tarfile.GNU_FORMAT) as t:
        def add(name, data):
            ti = tarfile.TarInfo(name)
            ti.size, ti.mode = len(data), 0o644
            t.addfile(ti, io.BytesIO(data))
        add("oci-layout", js({"imageLayoutVersion": "1.0.0"}))
        add("index.json", js({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest_d]}))
        for h, data in sorted(blobs.items()):
            add("blobs/sha256/" + h, data)
    os.replace(a.o + ".part", a.o)
    print(a.t, manifest_d["digest"], os.path.getsize(a.o), "bytes", file=sys.stderr)


def main():
    a = parse_arguments()
    entries = collect(a)
    if a.print:
        for path in sorted(entries):
            kind, payload, _ = entries[path]
            print(f"/{path}" + (f" -> {payload}" if kind == "link" else "/" if kind == "dir" else ""))
        return
    write_image(a, layer(entries))


main()
