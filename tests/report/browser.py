"""A headless Chromium, driven over a pair of pipes by its DevTools protocol: JSON messages with a zero byte between.

No driver, no socket and no package: only the browser must be there.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 60  # seconds to wait for a word of the browser
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
    "--disable-extensions", "--disable-component-update", "--mute-audio", "--remote-debugging-pipe",
)  # fmt: skip


class Tab:
    """One page. `said` is what its console said, `asked` every address it wanted."""

    def __init__(self, write: int, read: int):
        self.pipe, self.source = os.fdopen(write, "wb", 0), os.fdopen(read, "rb", 0)
        self.rest, self.number, self.session = b"", 0, ""
        self.said: list[str] = []
        self.asked: list[str] = []
        self.loaded = False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params} | (
            {"sessionId": self.session} if self.session else {}
        )
        self.pipe.write(json.dumps(message).encode() + b"\0")
        while True:
            heard = self._next()
            if heard.get("id") == self.number:
                assert "error" not in heard, f"{method}: {heard['error']}"
                return heard["result"]

    def open(self, page: Path, width: int = 1100, height: int = 900, dark: bool = False, fresh: bool = True) -> None:
        """Load a file in a window of this size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.loaded, self.said, self.asked = False, [], []
        self.call("Page.navigate", url=page.as_uri())
        while not self.loaded:
            self._next()

    def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def click(self, place: str) -> None:
        """A mouse click on the middle of the element of a selector; back when the page has been drawn again."""
        scroll = (
            f"e = document.querySelector({json.dumps(place)}); e.scrollIntoView({{block: 'center', behavior: 'instant'}}); "
        )
        x, y = self.run(f"{scroll} r = e.getBoundingClientRect(); [r.x + r.width / 2, r.y + r.height / 2]")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def picture(self, whole: bool = True) -> bytes:
        """A PNG file of the page."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            assert select.select([self.source], [], [], PATIENCE)[0], "the browser is silent"
            chunk = self.source.read(1 << 16)
            assert chunk, "the browser went away"
            self.rest += chunk
        line, self.rest = self.rest.split(b"\0", 1)
        heard = json.loads(line)
        self._note(heard.get("method", ""), heard.get("params", {}))
        return heard

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Log.entryAdded":
            self.said.append(f"{params['entry']['level']}: {params['entry']['text']}")
        elif method == "Runtime.consoleAPICalled":
            self.said.append(f"{params['type']}: {params['args']}")
        elif method == "Runtime.exceptionThrown":
            self.said.append(f"exception: {params['exceptionDetails']}")
        elif method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        elif method == "Network.loadingFailed":
            self.said.append(f"not loaded: {params.get('errorText')}")


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """A browser with an empty profile, ended when the block is."""
    theirs, ours = os.pipe(), os.pipe()  # the browser reads from 3 and writes to 4

    def place() -> None:
        os.dup2(theirs[0], 20), os.dup2(ours[1], 21)
        os.dup2(20, 3), os.dup2(21, 4)

    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}"]
    started = subprocess.Popen(command, preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(theirs[0])
    os.close(ours[1])
    tab = Tab(theirs[1], ours[0])
    try:
        yield tab
    finally:
        with suppress(Exception):
            tab.session = ""
            tab.call("Browser.close")
        tab.pipe.close()
        tab.source.close()
        with suppress(subprocess.TimeoutExpired):
            started.wait(10)
        started.kill()
