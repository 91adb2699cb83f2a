#!/usr/bin/env python3
"""Serve the bare repositories below ROOT over Git's smart HTTP protocol:  git-http.py ROOT ADDRESS PORT

A thin layer over `git http-backend`. Pushes are taken by repositories whose http.receivepack is true. Anybody may read: it is for a
network that nobody else reaches. While ROOT/passwords is there, a push needs one of its lines, `user:password`. One line per request on
stderr.
"""
import base64
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import unquote

BLOCK = 1 << 16


class Refused(Exception):
    """A request that is wrong in itself."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root = "."
    timeout = 300  # a client that stopped in the middle must not hold a thread for ever

    def body(self):
        """The request's body, block by block, as it arrives."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while True:
                try:
                    size = int(self.rfile.readline(1024).split(b";")[0].strip(), 16)
                except ValueError:
                    raise Refused("bad chunk size") from None
                while size > 0:
                    block = self.rfile.read(min(size, BLOCK))
                    if not block:
                        raise Refused("body cut short")
                    size -= len(block)
                    yield block
                    if size == 0:
                        self.rfile.readline(8)
                        break
                else:  # the last chunk: trailers, if any, up to an empty line
                    while self.rfile.readline(65536).strip():
                        pass
                    return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            block = self.rfile.read(min(left, BLOCK))
            if not block:
                raise Refused("body cut short")
            left -= len(block)
            yield block

    def environment(self, path, query):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("HTTP_", "CONTENT_", "GIT_DIR"))}
        env.update(
            GIT_PROJECT_ROOT=self.root, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
            REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""),
            REMOTE_ADDR=self.client_address[0], GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
            # the repositories are read by whoever runs this, whoever made them
            GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull,
            GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
        # with no length the backend reads to the end, which is what a chunked body needs
        if self.headers.get("Content-Length"):
            env["CONTENT_LENGTH"] = self.headers["Content-Length"]
        if self.headers.get("Content-Encoding"):
            env["HTTP_CONTENT_ENCODING"] = self.headers["Content-Encoding"]
        return env

    def feed(self, backend):
        """Give the body to the backend. One that answers early need not take all of it; the rest is read and dropped."""
        gone = False
        try:
            for block in self.body():
                if not gone:
                    try:
                        backend.stdin.write(block)
                    except BrokenPipeError:
                        gone = True
        except (Refused, OSError, ValueError) as e:
            self.log_message("%s", f"request body: {e}")
            self.close_connection = True
            backend.kill()
        finally:
            try:
                backend.stdin.close()
            except BrokenPipeError:
                pass

    def head(self, out):
        """The backend's header: status and fields, or None when it ended without one."""
        status, fields = 200, []
        while True:
            line = out.readline(65536)
            if not line:
                return None
            line = line.strip().decode("latin-1")
            if not line:
                return status, fields
            key, _, value = line.partition(":")
            if key.lower() == "status":
                status = int(value.split()[0])
            else:
                fields.append((key, value.strip()))

    def answer(self, backend):
        head = self.head(backend.stdout)
        if head is None:
            self.close_connection = True
            self.send_error(500, "git http-backend gave no answer")
            return 500, 0
        status, fields = head
        self.send_response(status)
        for key, value in fields:
            self.send_header(key, value)
        chunked = self.request_version != "HTTP/1.0" and not any(k.lower() == "content-length" for k, _ in fields)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.close_connection = True
        self.end_headers()
        sent = 0
        while block := backend.stdout.read1(BLOCK):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block) if chunked else block)
            sent += len(block)
        # a backend that failed in the middle: no last chunk, so that the client sees that something is missing
        if backend.wait() != 0:
            self.close_connection = True
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")
        return status, sent

    def may(self, path, query):
        """Whether this request may be served: reads always, pushes with a password where there are any."""
        try:
            known = Path(self.root, "passwords").read_text().split()
        except OSError:
            return True
        if "git-receive-pack" not in path + query:
            return True
        kind, _, given = self.headers.get("Authorization", "").partition(" ")
        try:
            return kind == "Basic" and base64.b64decode(given).decode() in known
        except ValueError:
            return False

    def refuse(self, began):
        self.close_connection = True  # whatever body it had was not read
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.log_message("%s", f"{self.command} {self.path} 401 0 bytes {time.monotonic() - began:.3f} s")

    def serve(self):
        began = time.monotonic()
        path, _, query = self.path.partition("?")
        path = unquote(path)
        if not self.may(path, query):
            return self.refuse(began)
        if "\0" in path or ".." in path.split("/"):
            self.close_connection = True  # whatever body it had was not read
            self.send_error(404)
            return
        backend = subprocess.Popen(
            ["git", "http-backend"], env=self.environment(path, query), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None)
        feeder = threading.Thread(target=self.feed, args=(backend,), daemon=True)
        feeder.start()
        try:
            status, sent = self.answer(backend)
        except (BrokenPipeError, ConnectionResetError):
            status, sent = "client gone", 0
            self.close_connection = True
        finally:
            if backend.poll() is None:
                backend.kill()
            backend.stdout.close()
            backend.wait()
            feeder.join(self.timeout)
        self.log_message("%s", f"{self.command} {self.path} {status} {sent} bytes {time.monotonic() - began:.3f} s")

    do_GET = do_POST = serve

    def log_request(self, code="-", size="-"):
        pass  # serve() writes one line when all is said


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    Handler.root = os.path.abspath(sys.argv[1])
    if not shutil.which("git"):
        sys.exit("git-http: no git program here")
    server = Server((sys.argv[2], int(sys.argv[3])), Handler)
    print(f"serving {Handler.root} on {sys.argv[2]}:{sys.argv[3]}", file=sys.stderr, flush=True)
    server.serve_forever()


main()
