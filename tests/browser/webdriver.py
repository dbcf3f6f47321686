# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Just enough of W3C WebDriver to drive a headless Chromium: the standard library is all it needs.

Browser() is a context manager: chromedriver, the browser and its profile folder go with it.
"""
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Escape": "\ue00c", "Enter": "\ue007", "ArrowUp": "\ue013", "ArrowDown": "\ue015",
        "ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Control": "\ue009", "Backspace": "\ue003"}


def find(*names):
    return next((path for path in map(shutil.which, names) if path), None)


def missing():
    """Why no browser can be driven here, or None."""
    if not find("chromium", "chromium-browser", "google-chrome"):
        return "no chromium"
    return None if find("chromedriver") else "no chromedriver"


class Browser:
    def __init__(self, width=1200, height=700, dark=False):
        self.width, self.height, self.dark = width, height, dark

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="bpfprof-browser-")
        # A session of its own: whatever chromedriver leaves behind ends with it.
        self.driver = subprocess.Popen([find("chromedriver"), "--port=0"], text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       start_new_session=True)
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        try:
            self._call("DELETE", self.session)
        except OSError:
            pass
        self._stop()

    def _start(self):
        for line in self.driver.stdout:
            port = re.search(r"started successfully on port (\d+)", line)
            if port:
                break
        else:
            raise RuntimeError("chromedriver did not start")
        self.base = f"http://127.0.0.1:{port.group(1)}"
        binary = find("chromium", "chromium-browser", "google-chrome")
        flags = FLAGS + [f"--user-data-dir={self.profile}",
                         f"--window-size={self.width},{self.height}"]
        options = {"binary": binary, "args": flags}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = f"/session/{answer['sessionId']}"
        self.size(self.width, self.height, self.dark)

    def _stop(self):
        try:
            os.killpg(self.driver.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.driver.wait()
        self.driver.stdout.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _call(self, method, path, body=None):
        request = urllib.request.Request(
            self.base + path, method=method, headers={"Content-Type": "application/json"},
            data=json.dumps(body or {}).encode() if method == "POST" else None)
        # Not through whatever proxy the environment names.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.read().decode()}") from None

    def _devtools(self, command, **params):
        return self._call("POST", f"{self.session}/goog/cdp/execute",
                          {"cmd": command, "params": params})

    def size(self, width, height, dark=False):
        self._devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                       deviceScaleFactor=1, mobile=False)
        self._devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url):
        # Past a blank page, so that a changed #fragment is a fresh load too.
        self._call("POST", f"{self.session}/url", {"url": "about:blank"})
        self._call("POST", f"{self.session}/url", {"url": url})

    def run(self, script, *args):
        return self._call("POST", f"{self.session}/execute/sync",
                          {"script": script, "args": list(args)})

    def run_async(self, script, *args):
        return self._call("POST", f"{self.session}/execute/async",
                          {"script": script, "args": list(args)})

    def url(self):
        return self._call("GET", f"{self.session}/url")

    def back(self):
        self._call("POST", f"{self.session}/back")

    def key(self, *keys):
        """Real key presses, one after the other; "Control+f" holds the first."""
        actions = []
        for key in keys:
            held = [KEYS.get(k, k) for k in (key.split("+") if len(key) > 1 else [key])]
            actions += [{"type": "keyDown", "value": k} for k in held]
            actions += [{"type": "keyUp", "value": k} for k in reversed(held)]
        self._call("POST", f"{self.session}/actions",
                   {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def type(self, text):
        self.key(*text)

    def _pointer(self, x, y, rest=()):
        self._call("POST", f"{self.session}/actions", {"actions": [
            {"type": "pointer", "id": "mouse", "actions": [
                {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}, *rest]}]})

    def hover(self, x, y):
        self._pointer(x, y)

    def click(self, x, y):
        self._pointer(x, y, [{"type": "pointerDown", "button": 0},
                             {"type": "pointerUp", "button": 0}])

    def log(self):
        """What the page said to its console since the last call: errors too."""
        return [entry["message"] for entry in
                self._call("POST", f"{self.session}/se/log", {"type": "browser"})]

    def screenshot(self, path):
        with open(path, "wb") as out:
            out.write(base64.b64decode(self._call("GET", f"{self.session}/screenshot")))
