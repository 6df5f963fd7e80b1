"""Starts what the tests need: the simulated provider, a Weir that passes keys through and one that wants its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

# Long enough for a machine that is busy with other tests.
DEADLINE_S = 30.0
ROOT = Path(__file__).resolve().parents[3]

CONFIG = """
[gateway]
auth = "{auth}"

[gateway.timeouts]
first_byte_ms = 20000
idle_stream_ms = 20000

[gateway.retry]
retries_max = {retries}
backoff_ms = 1

[gateway.breaker]
failures = 0

[providers.openai]
kind = "openai"
base_url = "{provider}/v1"

[providers.anthropic]
kind = "anthropic"
base_url = "{provider}"

[listeners]
otlp_grpc = "127.0.0.1:0"
otlp_http = "127.0.0.1:0"
datadog = "127.0.0.1:0"
dogstatsd = "127.0.0.1:0"
datadog_socket = "{sockets}.apm"
dogstatsd_socket = "{sockets}.dsd"
"""


def eventually(what: str, condition: Callable[[], T | None]) -> T:
    """Polls until the condition gives something, and returns it."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        value = condition()
        if value is not None and value is not False:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {DEADLINE_S:.0f} s for {what} in vain")
        time.sleep(0.02)


def post(url: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    """Posts JSON and returns the JSON of the answer."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"POST {url} gave status {error.code}: {error.read().decode()}") from error


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as response:
        return json.load(response)


class Process:
    """A child process with its log in a file."""

    def __init__(self, name: str, arguments: list[str], folder: Path, ready_url: str) -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)

        def is_ready() -> bool:
            if self._child.poll() is not None:
                raise AssertionError(f"{name} ended with {self._child.returncode}:\n{self.log.read_text()[-4000:]}")
            try:
                with urllib.request.urlopen(ready_url, timeout=1):
                    return True
            except OSError:
                return False

        eventually(f"{name} to be ready", is_ready)

    def stop(self) -> None:
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


class Weir:
    """A running Weir."""

    def __init__(self, binary: str, folder: Path, name: str, **config: Any) -> None:
        self.address = ("127.0.0.1", free_port())
        self.url = "http://{}:{}".format(*self.address)
        path = folder / f"{name}.toml"
        # Short enough for the 107 bytes that a unix socket's path may have.
        self.sockets = folder / name
        path.write_text(CONFIG.format(sockets=self.sockets, **config))
        data_dir, listen = str(folder / name), "{}:{}".format(*self.address)
        arguments = [binary, "serve", "--config", str(path), "--data-dir", data_dir, "--listen", listen]
        self.process = Process(name, arguments, folder, f"{self.url}/healthz")

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """The rows of a statement, by column name."""
        table = post(f"{self.url}/api/sql", {"sql": statement})
        names = [column["name"] for column in table["columns"]]
        return [dict(zip(names, row, strict=True)) for row in table["rows"]]

    def span(self, span_id: str) -> dict[str, Any]:
        """The span of this id, as soon as it is stored."""
        def find() -> dict[str, Any] | None:
            rows = self.sql(f"SELECT * FROM spans WHERE span_id = '{span_id}'")
            assert len(rows) <= 1, f"span {span_id} is stored {len(rows)} times"
            return rows[0] if rows else None

        return eventually(f"span {span_id} to be stored", find)


class Stand:
    """Everything at once. Use it as a context manager."""

    def __init__(self) -> None:
        binary = os.environ.get("WEIR_BIN") or str(ROOT / "target" / "checked" / "weir")
        self._folder = tempfile.TemporaryDirectory(prefix="weir-clients-")
        folder = Path(self._folder.name)
        self.simulator_address = ("127.0.0.1", free_port())
        self.simulator_url = "http://{}:{}".format(*self.simulator_address)
        listen = "{}:{}".format(*self.simulator_address)
        arguments = [binary, "simulate", "--listen", listen, "--fast"]
        self._simulator = Process("simulator", arguments, folder, f"{self.simulator_url}/sim/stats")
        shared = {"provider": self.simulator_url}
        self.weir = Weir(binary, folder, "weir", auth="passthrough", retries=0, **shared)
        self.strict = Weir(binary, folder, "weir-keys", auth="keys", retries=2, **shared)

    def __enter__(self) -> Stand:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.strict.process, self.weir.process, self._simulator):
            process.stop()
        self._folder.cleanup()

    def environment(self) -> dict[str, str]:
        """What a suite in another process needs to know."""
        return {
            "WEIR_URL": self.weir.url,
            "WEIR_STRICT_URL": self.strict.url,
            "SIMULATOR_URL": self.simulator_url,
        }

    def tally(self) -> dict[str, int]:
        """What the simulated provider has seen."""
        return get(f"{self.simulator_url}/sim/stats")

    def arrived(self, name: str) -> list[dict[str, Any]]:
        """The requests that arrived at the provider with `x-sim: id=name`."""
        return get(f"{self.simulator_url}/sim/requests?id={name}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
