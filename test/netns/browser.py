#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Opens a page in headless Chromium and tells what it became: browser.py URL SECONDS NAME:WIDTHxHEIGHT[:dark]...

Waits until the page shows something (or SECONDS have passed), and prints a JSON object: title, text, elements, whether
anything is wider than the window, and everything that the browser complained of. A screenshot of each size is written to
NAME.png. Speaks Chromium's DevTools protocol by its pipe.
"""
import base64
import json
import os
import select
import subprocess
import sys
import tempfile
import time

READY = "!!document.querySelector('#main:not([hidden]) #map svg')"
FACTS = """(() => {
  const count = (what) => document.querySelectorAll(what).length;
  const unnamed = [...document.querySelectorAll('[role=img]')].filter((e) => !e.getAttribute('aria-label')).length;
  return {title: document.title, text: document.body.innerText, state: document.getElementById('state').textContent,
    relays: count('#relays tr'), fastest: count('#fastest tr'), lines: count('#map path.link'), scripts: count('script'),
    bold: count('b'), images: count('img'), unnamed, headings: [...document.querySelectorAll('h1, h2')].map((e) => e.tagName).join(' '),
    labels: [...document.querySelectorAll('#map, #chart')].map((e) => e.getAttribute('aria-label'))};
})()"""
WIDER = """[...document.querySelectorAll('body *')].filter((e) => !e.closest('svg') && !e.closest('thead') && !e.matches('.skip') &&
  e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.tagName + '#' + e.id).concat(
  document.documentElement.scrollWidth > innerWidth ? ['the page'] : [])"""


class Browser:
    def __init__(self, program, deadline):
        self.deadline = deadline
        self.number = 0
        self.complaints = []
        self.rest = b""
        to_it, self.send_fd = os.pipe()
        self.receive_fd, from_it = os.pipe()
        self.home = tempfile.TemporaryDirectory()

        def place():
            os.dup2(to_it, 3)
            os.dup2(from_it, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe",
             "--user-data-dir=" + self.home.name, "about:blank"],
            preexec_fn=place, pass_fds=(3, 4, to_it, from_it), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def note(self, message):
        what, told = message.get("method"), message.get("params", {})
        if what == "Runtime.exceptionThrown":
            self.complaints.append(told["exceptionDetails"].get("text", "") + str(told["exceptionDetails"].get("exception")))
        elif what == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(told["entry"]["text"])
        elif what == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(told["args"]))
        elif what == "Page.javascriptDialogOpening":
            self.complaints.append("a dialogue: " + told["message"])

    def read(self):
        while b"\0" not in self.rest:
            ready = select.select([self.receive_fd], [], [], max(self.deadline - time.monotonic(), 0))[0]
            got = os.read(self.receive_fd, 1 << 16) if ready else b""
            if not got:
                sys.exit("the browser does not answer")
            self.rest += got
        line, self.rest = self.rest.split(b"\0", 1)
        return json.loads(line)

    def ask(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.send_fd, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit("%s: %s" % (method, answer["error"]))
                return answer["result"]
            self.note(answer)

    def value(self, session, expression):
        answer = self.ask("Runtime.evaluate", session, expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            sys.exit("%s: %s" % (expression, answer["exceptionDetails"]))
        return answer["result"].get("value")

    def close(self):
        self.process.terminate()
        self.process.wait()


def main():
    url, seconds, sizes = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    browser = Browser(os.environ.get("BROWSER", "chromium-headless-shell"), time.monotonic() + seconds)
    try:
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Page"):
            browser.ask(domain + ".enable", session)
        browser.ask("Page.navigate", session, url=url)
        while not browser.value(session, READY):
            time.sleep(0.1)
        facts = browser.value(session, FACTS)
        facts["wider"] = {}
        for size in sizes:
            name, area, *scheme = size.split(":")
            width, height = area.split("x")
            browser.ask("Emulation.setDeviceMetricsOverride", session, width=int(width), height=int(height),
                        deviceScaleFactor=1, mobile=int(width) < 500)
            browser.ask("Emulation.setEmulatedMedia", session,
                        features=[{"name": "prefers-color-scheme", "value": scheme[0] if scheme else "light"}])
            browser.value(session, "draw()")
            facts["wider"][os.path.basename(name)] = browser.value(session, WIDER)
            picture = browser.ask("Page.captureScreenshot", session, captureBeyondViewport=True)["data"]
            with open(name + ".png", "wb") as file:
                file.write(base64.b64decode(picture))
        facts["complaints"] = browser.complaints
        json.dump(facts, sys.stdout)
    finally:
        browser.close()


main()
