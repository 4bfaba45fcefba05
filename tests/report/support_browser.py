"""A real browser without a window, and without a network: what it says and what it asks for is heard."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage"),
    *("--force-color-profile=srgb", "--hide-scrollbars"),
)
INSTALL = "apt-get install chromium chromium-driver, and pip install 'grokbench[test]'"
INSTALL_AXE = "npm install --no-save --no-package-lock --prefix . axe-core, or GROKBENCH_AXE=/path/to/axe.min.js"


def axe_source() -> str:
    """The script of axe-core; skips where it is not installed."""
    path = Path(os.environ.get("GROKBENCH_AXE") or ROOT / "node_modules" / "axe-core" / "axe.min.js")
    if not path.is_file():
        pytest.skip(f"no axe-core: {INSTALL_AXE}")
    return path.read_text(encoding="utf-8")


class Browser:
    """Chromium, driven.

    Parameters
    ----------
    driver : of selenium.
    """

    def __init__(self, driver):
        self.driver = driver

    def open(self, address: str, width: int = 1280, height: int = 900) -> None:
        """A page at a window of so many pixels, once its figures are drawn."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self.driver.get("about:blank")
        self.heard()
        self.requests()
        self.driver.get(address)
        self.wait("document.readyState === 'complete'")
        self.wait("[...document.querySelectorAll('[data-figure]')].every((box) => box.querySelector('svg'))")

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Until an expression of JavaScript is true; TimeoutException otherwise."""
        self.until(lambda driver: driver.execute_script(f"return {condition}"), seconds)

    def until(self, is_so: Callable, seconds: float = 60) -> None:
        """Until a function of the driver is true; TimeoutException otherwise."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds, 0.05).until(is_so)

    def run(self, code: str, *arguments: object):
        """What a function body of JavaScript returns."""
        return self.driver.execute_script(code, *arguments)

    def command(self, name: str, **arguments: object) -> dict:
        """A command of the devtools protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def heard(self) -> list[str]:
        """The errors on the console since the last time, and what the policy of the page has kept from running."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last time, the page's own first."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent]

    def press(self, *keys: str) -> None:
        """Keys, one after the other, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def focus(self, selector: str) -> None:
        """Put the focus on an element."""
        self.run("document.querySelector(arguments[0]).focus()", selector)

    def emulate(self, **features: str) -> None:
        """Media: ``media="print"``, or features such as ``prefers_color_scheme="dark"``."""
        media = features.pop("media", "")
        listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.command("Emulation.setEmulatedMedia", media=media, features=listed)

    def printed(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.command("Page.printToPDF", printBackground=True)["data"])

    def picture(self, path: Path, whole: bool = False) -> None:
        """A screenshot, of the window or of the whole page."""
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def violations(self, source: str) -> list[str]:
        """What axe-core finds of serious or critical violations."""
        self.run(source)
        script = (
            "const done = arguments[arguments.length - 1]; axe.run(document, {resultTypes: ['violations']}).then(done)"
        )
        results = self.driver.execute_async_script(script)
        grave = [one for one in results["violations"] if one["impact"] in ("serious", "critical")]
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary'][:300]}" for one in grave
        ]


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own; skips where none is installed."""
    webdriver = pytest.importorskip("selenium.webdriver", reason=INSTALL)
    binary, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not (binary and driver):
        pytest.skip(f"no browser: {INSTALL}")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as made:
        made.set_script_timeout(120)
        yield Browser(made)
