#!/usr/bin/env python3
"""Looks at the pages of reports in headless Chromium, by its DevTools protocol.

    tests/pages.py [--shots DIR] [--prove] FOLDER...

Each FOLDER is a report: index.html and cells/. Its index and some of its cells' pages are opened as on a phone and at a
desk, light and dark, and printed; tests/pages.js says what is wrong with a page. With --prove the index of the largest report is then broken on purpose, once for
each check, and the check has to find it. Exit code 1 when something is wrong. --shots keeps pictures.
"""

import argparse
import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

LOOK = (pathlib.Path(__file__).parent / "pages.js").read_text()

# name, width, height, medium, scheme; paper is A4 less its margins
VIEWS = [
    ("phone-light", 360, 740, "screen", "light"),
    ("phone-dark", 360, 740, "screen", "dark"),
    ("desk-light", 1280, 900, "screen", "light"),
    ("desk-dark", 1280, 900, "screen", "dark"),
    ("print", 688, 1016, "print", "dark"),
]

# Seconds that Chromium may be silent while it is waited for.
PATIENCE = 60

# Pages of cells that are opened of each report, evenly from all of them.
CELLS = 3

# A check and what breaks a page so that it has to speak.
BROKEN = [
    ("overflow", "document.querySelector('main').insertAdjacentHTML('beforeend', '<p style=\"width:3000px;max-width:none\">wide</p>')"),
    ("keyboard", "document.querySelectorAll('.scroll').forEach(e => { e.removeAttribute('tabindex'); e.style.width = '50px' })"),
    ("cell", "document.querySelector('.map').style.cssText = 'table-layout:fixed;width:60px'"),
    ("figure", "document.querySelector('figure svg').style.display = 'none'; document.querySelector('figure').style.height = '0'"),
    ("figure", "document.querySelectorAll('figure g').forEach(e => e.remove())"),
    ("figure", "document.querySelector('figure g').setAttribute('transform', 'translate(0 -400)')"),
    ("figure", "document.querySelectorAll('#times .panels, #leechers .panels').forEach(e => e.remove())"),
    ("words", "document.querySelector('figure desc').textContent = ''"),
    ("label", "document.querySelectorAll('figure svg text').forEach(e => { e.setAttribute('x', 50); e.setAttribute('y', 50) })"),
    ("label", "document.querySelector('figure svg text').setAttribute('x', -100)"),
    ("heading", "document.querySelector('h2').outerHTML = '<h4>deep</h4>'"),
    ("heading", "document.querySelector('h1').outerHTML = '<h2>no first</h2>'"),
    ("id", "document.querySelectorAll('section[id]').forEach(e => e.id = 'same')"),
    ("table", "document.querySelector('caption').remove()"),
    ("table", "document.querySelector('th').removeAttribute('scope')"),
    ("landmark", "document.querySelector('footer').remove()"),
    ("contrast", "document.querySelector('h1').style.color = '#999'"),
    ("contrast", "document.querySelector('figure svg text').style.fill = '#aaa'"),
    ("small", "document.querySelectorAll('figure svg text').forEach(e => e.style.fontSize = '6px')"),
    ("link", "document.querySelector('main a').setAttribute('href', 'nowhere.html')"),
    ("link", "document.querySelector('.contents a').setAttribute('href', '#nowhere')"),
    ("console", "console.error('on purpose')"),
    ("console", "setTimeout(() => { throw new Error('on purpose') })"),
    ("request", "new Image().src = 'missing.png'"),
    ("request", "new Image().src = 'http://192.0.2.1/x.png'"),
]


class Browser:
    """Chromium with one tab, spoken to by a pipe."""

    def __init__(self, program):
        self.program = program
        self.start()

    def start(self):
        self.home = tempfile.mkdtemp(prefix="benchgrid-pages-")
        command = [
            self.program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--hide-scrollbars", f"--user-data-dir={self.home}", "--remote-debugging-pipe",
        ]  # fmt: skip
        (take, self.out), (self.into, give) = os.pipe(), os.pipe()
        # Chromium reads from 3 and writes to 4; ours must not stand there already
        take, give = (fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (take, give))
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: (os.dup2(take, 3), os.dup2(give, 4)), pass_fds=(3, 4),
        )  # fmt: skip
        os.close(take), os.close(give)
        self.rest, self.count, self.session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def end(self):
        try:
            self.session = None
            self.call("Browser.close")
            self.process.wait(timeout=20)
        except (OSError, EOFError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def message(self):
        while b"\0" not in self.rest:
            if not select.select([self.into], [], [], PATIENCE)[0]:
                raise TimeoutError(f"Chromium has said nothing for {PATIENCE} s")
            part = os.read(self.into, 1 << 20)
            if not part:
                raise EOFError("Chromium has ended")
            self.rest += part
        line, self.rest = self.rest.split(b"\0", 1)
        return json.loads(line)

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, path):
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.message())

    def script(self, text):
        answer = self.call("Runtime.evaluate", expression=text, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description", "a script failed"))
        return answer["result"].get("value")

    def settle(self):
        """Waits for what a script has started."""
        self.call("Runtime.evaluate", expression="new Promise(done => setTimeout(done, 100))", awaitPromise=True)

    def view(self, width, height, medium, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media=medium, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def shots(self, stem):
        """The whole page as pictures that can be looked at, from top to bottom."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        for place, top in enumerate(range(0, int(size["height"]), 1800)):
            clip = {"x": 0, "y": top, "width": size["width"], "height": min(1800, size["height"] - top), "scale": 1}
            picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
            pathlib.Path(f"{stem}-{place}.png").write_bytes(base64.b64decode(picture["data"]))


def heard(browser, page):
    """What the browser complained of since the page was opened, and what it asked for beside the page."""
    for event in browser.events:
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            yield f"console: {parameters['exceptionDetails'].get('text')}"
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            yield f"console: {[argument.get('value') for argument in parameters['args']]}"
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            yield f"console: {parameters['entry']['text']}"
        elif method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if url != page.as_uri() and not url.startswith("data:"):
                yield f"request: {url}"


def links(browser, page):
    """Links that lead nowhere."""
    for link, own in browser.script("[...document.querySelectorAll('a')].map(a => [a.getAttribute('href'), !a.hash || !!document.getElementById(decodeURIComponent(a.hash.slice(1)))])"):
        path = urllib.parse.urlsplit(link or "").path
        if not link or not own or not (page.parent / urllib.parse.unquote(path)).exists():
            yield f"link: {link}"


def wrong(browser, page):
    return [*browser.script(LOOK), *links(browser, page), *heard(browser, page)]


def chosen(folder):
    cells = sorted(folder.glob("cells/*.html"))
    step = max(1, -(-len(cells) // CELLS))
    return [folder / "index.html", *cells[::step]]


def twice(browser, work):
    """Chromium itself falls silent now and then, whatever the page: then once more, with a new one."""
    try:
        return work()
    except (TimeoutError, EOFError) as silence:
        print(f"once more: {silence}")
        browser.end()
        browser.start()
        return work()


def look(browser, folder, shots):
    def views(page):
        problems = []
        browser.open(page)
        for name, *view in VIEWS:
            browser.view(*view)
            problems += [f"{page.relative_to(folder.parent)}, {name}: {problem}" for problem in wrong(browser, page)]
            if shots:
                browser.shots(shots / f"{folder.name}-{page.stem[:60]}-{name}")
        return problems

    problems = [problem for page in chosen(folder) for problem in twice(browser, lambda: views(page))]
    print("\n".join(problems), end="\n" if problems else "")
    return len(problems)


def prove(browser, folder):
    """Breaks pages; each check has to find what is meant for it."""
    # the index has links to other pages and the most figures
    page = folder / "index.html"

    def broken(script):
        browser.view(*VIEWS[0][1:])
        browser.open(page)
        browser.script(script)
        # what happens later than the script
        browser.settle()
        return wrong(browser, page)

    blind = 0
    for kind, script in BROKEN:
        if not any(problem.startswith(f"{kind}:") for problem in twice(browser, lambda: broken(script))):
            blind += 1
            print(f"the check `{kind}` does not see a page broken by: {script}")
    return blind


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=pathlib.Path, help="keep pictures in this folder")
    parser.add_argument("--prove", action="store_true", help="break pages, too")
    parser.add_argument("folders", type=pathlib.Path, nargs="+", metavar="FOLDER")
    arguments = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        sys.exit("there is no chromium on PATH")
    if arguments.shots:
        arguments.shots.mkdir(parents=True, exist_ok=True)
    folders = [folder.resolve() for folder in arguments.folders]
    browser = Browser(program)
    try:
        problems = sum(look(browser, folder, arguments.shots) for folder in folders)
        blind = prove(browser, max(folders, key=lambda folder: len([*folder.glob("cells/*")]))) if arguments.prove else 0
    finally:
        browser.end()
    pages = sum(len(chosen(folder)) for folder in folders)
    print(f"{pages} pages in {len(VIEWS)} views: {problems} problems")
    if arguments.prove:
        print(f"{len(BROKEN)} broken pages: {blind} not seen")
    sys.exit(1 if problems or blind else 0)


if __name__ == "__main__":
    main()
