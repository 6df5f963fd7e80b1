#!/usr/bin/env python3
"""What an accepted LLM span costs by OTLP: CPU time, and how long until a query finds all.

    bench/otlp.py --weir target/release/weir
    bench/otlp.py --weir … --against phoenix=http://127.0.0.1:6006/v1/traces@PID

Sends the same 10,000 spans, as OpenLLMetry writes them (some 2 KB each), in batches of 500 over one connection. CPU is user
and system time of the whole process from before the first byte until a query has found every span. `--against` sends the
same bytes to another server that already runs, and compares its CPU until it is idle again.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

SPANS = 10_000
BATCH = 500
TICKS = os.sysconf("SC_CLK_TCK")
PROMPT = "Explain to a new colleague how the sluice of a weir keeps the level of a river. " * 10
ANSWER = "The gate gives way as the river rises, so that what flows over it stays the same. " * 6


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def attribute(key: str, value: str | int) -> bytes:
    any_value = field(1, value.encode()) if isinstance(value, str) else b"\x18" + varint(value)
    return field(9, field(1, key.encode()) + field(2, any_value))


def span(at: int) -> bytes:
    start = time.time_ns() - 60_000_000_000 + at * 1_000_000
    fixed = b"".join(varint(number << 3 | 1) + struct.pack("<Q", nanos) for number, nanos in ((7, start), (8, start + 800_000_000)))
    ids = field(1, os.urandom(16)) + field(2, os.urandom(8))
    pairs = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": f"chatcmpl-{at}",
        "gen_ai.usage.input_tokens": 900 + at % 100,
        "gen_ai.usage.output_tokens": 120,
        "gen_ai.response.finish_reasons": "stop",
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": PROMPT}]}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}]),
        "gen_ai.conversation.id": f"conversation-{at % 50}",
        "server.address": "api.openai.com",
        "thread.id": 7,
    }
    return field(2, ids + field(5, b"chat gpt-4o") + fixed + b"".join(attribute(*pair) for pair in pairs.items()))


def batches() -> list[bytes]:
    resource = field(1, field(1, field(1, b"service.name") + field(2, field(1, b"bench"))))
    return [
        field(1, resource + field(2, b"".join(span(at) for at in range(first, first + BATCH))))
        for first in range(0, SPANS, BATCH)
    ]


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def send(url: str, bodies: list[bytes]) -> float:
    """Sends and returns the seconds it took until all were accepted."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=600)
    started = time.monotonic()
    for body in bodies:
        connection.request("POST", parts.path, body, {"content-type": "application/x-protobuf"})
        response = connection.getresponse()
        if response.status != 200:
            raise SystemExit(f"{url} answered {response.status}: {response.read()[:200]!r}")
        response.read()
    return time.monotonic() - started


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def weir_spans(url: str) -> int:
    body = json.dumps({"sql": "SELECT count(*) FROM spans WHERE service = 'bench'"}).encode()
    request = urllib.request.Request(f"{url}/api/sql", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return int(json.load(response)["rows"][0][0])


def measure_weir(binary: str) -> float:
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        config = Path(folder, "weir.toml")
        config.write_text('[listeners]\notlp_grpc = "off"\notlp_http = "off"\ndatadog = "off"\ndogstatsd = "off"\n')
        url = f"http://127.0.0.1:{free_port()}"
        arguments = [binary, "serve", "--config", str(config), "--data-dir", f"{folder}/data", "--listen", urlsplit(url).netloc]
        server = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while True:
                try:
                    weir_spans(url)
                    break
                except OSError:
                    time.sleep(0.05)
            send(f"{url}/v1/traces", batches()[:2])
            while weir_spans(url) < 2 * BATCH:
                time.sleep(0.05)
            bodies = batches()
            before = cpu_s(server.pid)
            accepted_s = send(f"{url}/v1/traces", bodies)
            accepted_cpu = cpu_s(server.pid) - before
            started = time.monotonic()
            while weir_spans(url) < SPANS + 2 * BATCH:
                time.sleep(0.02)
            queryable_s = time.monotonic() - started
            stored_cpu = cpu_s(server.pid) - before
        finally:
            server.terminate()
            server.wait()
    print(f"weir: {SPANS} spans of {sum(map(len, bodies)) / SPANS / 1000:.1f} kB accepted in {accepted_s:.2f} s, {SPANS / accepted_s:,.0f}/s")
    print(f"weir: {accepted_cpu / SPANS * 1e6:.1f} µs CPU for a span until accepted, {stored_cpu / SPANS * 1e6:.1f} µs until stored and found")
    print(f"weir: all queryable {queryable_s:.2f} s after the last was accepted")
    return stored_cpu / SPANS


def measure_other(name: str, url: str, pid: int) -> float:
    before = cpu_s(pid)
    accepted_s = send(url, batches())
    last = cpu_s(pid)
    while True:
        time.sleep(2)
        now = cpu_s(pid)
        if now - last < 0.1:
            break
        last = now
    per_span = (now - before) / SPANS
    print(f"{name}: accepted in {accepted_s:.2f} s, {per_span * 1e6:.0f} µs CPU for a span until idle")
    return per_span


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weir", required=True, help="the binary")
    parser.add_argument("--against", action="append", default=[], help="NAME=URL@PID of another server")
    arguments = parser.parse_args()
    ours = measure_weir(arguments.weir)
    for other in arguments.against:
        name, rest = other.split("=", 1)
        url, pid = rest.rsplit("@", 1)
        print(f"{name}: {measure_other(name, url, int(pid)) / ours:,.0f} times weir's")


if __name__ == "__main__":
    main()
