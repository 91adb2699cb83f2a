#!/usr/bin/env python3
"""A storage system in a few dozen lines, and the sidecar that lets benchgrid measure it.

    external.py DATA [API_PORT [PEER_PORT]]

The system: a file is a list of chunks, each named by its SHA-256; a node gives the chunks that it has to any node that asks on its
peer port. The sidecar: docs/reference/external-driver.md, on localhost only. Here both are one process; for a real system only the
sidecar is yours to write, and `Node` below would call the system instead.
"""
import hashlib, http.client, json, pathlib, queue, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHUNK = 256 * 1024
ROOT = "/benchgrid/v1/"
DATA = pathlib.Path(sys.argv[1])
API_PORT, PEER_PORT = [int(port) for port in sys.argv[2:]] + [7000, 7001][len(sys.argv) - 2:]


class Content:
    """A file that is here, or on its way."""

    def __init__(self, name, hashes, size):
        self.path, self.hashes, self.size = DATA / name, hashes, size
        self.have, self.verified, self.error, self.stopped = set(), 0, None, False
        self.lock = threading.Lock()

    def length(self, i):
        return min(CHUNK, self.size - i * CHUNK)

    def fetch(self, seeders):
        """Gets every chunk: one connection to each seeder, each takes the next chunk that is missing."""
        self.path.write_bytes(b"")
        self.path.touch()
        todo = queue.Queue()
        for i in range(len(self.hashes)):
            todo.put(i)
        for host in seeders:
            threading.Thread(target=self.fetch_from, args=(host, todo), daemon=True).start()

    def fetch_from(self, host, todo):
        try:
            peer = http.client.HTTPConnection(host, PEER_PORT, timeout=30)
            with open(self.path, "r+b") as file:
                while not self.stopped:
                    i = todo.get_nowait()
                    peer.request("GET", f"/{self.path.name}/{i}")
                    chunk = peer.getresponse().read()
                    if hashlib.sha256(chunk).hexdigest() != self.hashes[i]:
                        raise OSError(f"{host} gave other bytes for chunk {i}")
                    file.seek(i * CHUNK)
                    file.write(chunk)
                    file.flush()
                    with self.lock:  # held and verified: only now it counts
                        self.have.add(i)
                        self.verified += len(chunk)
        except queue.Empty:
            pass
        except (OSError, http.client.HTTPException) as error:
            self.error = f"{host}: {error}"


class Node:
    contents = {}

    def store(self, name, body, size):
        content = self.contents[name] = Content(name, [], size)
        with open(content.path, "wb") as file:
            for start in range(0, size, CHUNK):
                chunk = body.read(min(CHUNK, size - start))
                file.write(chunk)
                content.hashes.append(hashlib.sha256(chunk).hexdigest())
        content.have, content.verified = set(range(len(content.hashes))), size
        return " ".join([str(size)] + content.hashes)

    def download(self, name, handle, seeders):
        size, *hashes = handle.split(" ")
        content = self.contents[name] = Content(name, hashes, int(size))
        content.fetch(seeders)

    def remove(self, name):
        content = self.contents.pop(name, None)
        if content:
            content.stopped = True
            content.path.unlink(missing_ok=True)


NODE = Node()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes out in one piece, not head and body apart

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def missing(self):
        self.answer(404, {"error": f"{self.command} {self.path}: not here"})


class Api(Handler):
    """The contract."""

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def do_GET(self):
        if self.path == ROOT + "node":
            return self.answer(200, {"contract": 1, "version": "1.0", "settings": {"chunk": str(CHUNK)}, "unitBytes": CHUNK, "resolutionSeconds": 0})
        what, _, name = self.path.removeprefix(ROOT).partition("/")
        content = NODE.contents.get(name)
        if content is None:
            return self.missing()
        if what == "downloads":
            return self.answer(200, {"verifiedBytes": content.verified, "error": content.error})
        self.send_response(200)
        self.send_header("Content-Length", str(content.path.stat().st_size))
        self.end_headers()
        with open(content.path, "rb") as file:
            while block := file.read(CHUNK):
                self.wfile.write(block)

    def do_PUT(self):
        name = self.path.removeprefix(ROOT + "contents/")
        self.answer(200, {"handle": NODE.store(name, self.rfile, int(self.headers["Content-Length"]))})

    def do_POST(self):
        order = self.body()
        if self.path != ROOT + "downloads":
            return self.missing()  # peers: nodes need no connecting
        NODE.download(order["name"], order["handle"], order["seeders"])
        self.answer(202)

    def do_DELETE(self):
        NODE.remove(self.path.removeprefix(ROOT + "contents/"))
        self.answer(204)


class Peer(Handler):
    """What nodes say to each other."""

    def do_GET(self):
        _, name, i = self.path.split("/")
        content = NODE.contents.get(name)
        if content is None or int(i) not in content.have:
            return self.missing()
        with open(content.path, "rb") as file:
            file.seek(int(i) * CHUNK)
            self.answer(200, file.read(content.length(int(i))), "application/octet-stream")


DATA.mkdir(parents=True, exist_ok=True)
peers = ThreadingHTTPServer(("", PEER_PORT), Peer)
threading.Thread(target=peers.serve_forever, daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", API_PORT), Api).serve_forever()
