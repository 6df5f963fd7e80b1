#!/usr/bin/env python3
"""Measures the gateway against nginx, in one run, on one machine.

Both proxy the same simulated upstream (`crates/weir-gateway/examples/upstream.rs`) over kept-alive connections. Rounds
alternate between the two, so that a change of the machine's speed hits both; what is reported is the median of the
rounds and the ratio of the medians. Weir runs as users run it: `weir serve`, with recording into DuckDB on.

    bench/gateway.py [--rounds 5] [--seconds 6] [--only whole,stream,latency,idle,million]

Environment: BIN_DIR, where `weir` and `examples/upstream` were built (default: target/release).
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("BIN_DIR", ROOT / "target" / "release"))
TICK_S = 1 / os.sysconf("SC_CLK_TCK")

NGINX_CONF = """
worker_processes 2;
daemon off;
error_log {dir}/error.log;
pid {dir}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  upstream backend {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 1000000;
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""

WRK_SCRIPT = """
wrk.method = "POST"
wrk.path = "/v1/chat/completions"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer sk-bench"
wrk.headers["weir-team"] = "bench"
wrk.body = '{body}'
"""


class Stage:
    """A folder and the processes that were started on it; both are gone when the block ends."""

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="weir-bench-"))
        self.started = []
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, command, port):
        """Starts what will listen on a port, and waits until it does."""
        process = Process(name.replace(" ", "-"), command)
        self.started.append(process)
        wait_for(port)
        return process, port


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def request_body(stream):
    messages = [
        {"role": "system", "content": "You are a helpful assistant. " * 6},
        {"role": "user", "content": "Tell me about the quick brown fox. " * 6},
    ]
    body = {"model": "gpt-4o", "messages": messages, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return json.dumps(body, separators=(",", ":"))


class Process:
    """A child process and all of its descendants, with their CPU time and memory."""

    def __init__(self, name, command, cwd=None):
        self.name = name
        self.log = open(Path(tempfile.gettempdir()) / f"weir-bench-{name}-{os.getpid()}.log", "w")
        self.child = subprocess.Popen(command, cwd=cwd, stdout=self.log, stderr=self.log, start_new_session=True)

    def pids(self):
        listed = subprocess.run(["ps", "-o", "pid=", "-g", str(self.child.pid)], capture_output=True, text=True)
        return [int(pid) for pid in listed.stdout.split()] or [self.child.pid]

    def cpu_s(self):
        total = 0.0
        for pid in self.pids():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except FileNotFoundError:
                continue
            total += (int(fields[11]) + int(fields[12])) * TICK_S
        return total

    def rss_mib(self):
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def anonymous_mib(self):
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(30)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def wait_for(port, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port} after {seconds} s")


def wrk(port, script, seconds, connections):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, f"http://127.0.0.1:{port}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        print(text, file=sys.stderr)
    requests = int(re.search(r"(\d+) requests in", text)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return requests, rate


def settle(weir, port):
    """Waits until the recorder has stored everything, so that its work is counted in the round that caused it."""
    position = re.compile(r"^weir_(journal|stored)_position (\d+)$", re.M)
    for _ in range(1200):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
            found = dict(position.findall(page.read().decode()))
        if found["journal"] == found["stored"]:
            return
        time.sleep(0.05)
    sys.exit("the recorder does not catch up")


def load(targets, body, rounds, seconds, connections, unit):
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as script:
        script.write(WRK_SCRIPT.format(body=body))
    rates, cpus = {name: [] for name in targets}, {name: [] for name in targets}
    for _ in range(rounds):
        for name, (process, port) in targets.items():
            before = process.cpu_s()
            requests, rate = wrk(port, script.name, seconds, connections)
            if name == "weir":
                settle(process, port)
            rates[name].append(rate)
            cpus[name].append((process.cpu_s() - before) / requests * 1e6)
    os.unlink(script.name)
    for name in targets:
        rate, cpu = statistics.median(rates[name]), statistics.median(cpus[name])
        spread = f"{min(rates[name]):.0f} to {max(rates[name]):.0f}"
        print(f"  {name:6} {rate:9.0f} {unit}/s ({spread}), CPU {cpu:7.1f} us a {unit}")
    rate_ratio = statistics.median(rates["weir"]) / statistics.median(rates["nginx"])
    cpu_ratio = statistics.median(cpus["weir"]) / statistics.median(cpus["nginx"])
    print(f"  weir / nginx: throughput {rate_ratio:.2f}, CPU {cpu_ratio:.2f}")


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def payload_of(body):
    """A call with this body, as it goes over the wire."""
    return (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer sk-bench\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()


def one_call(connection, payload):
    """Microseconds from the first byte sent to the last byte received."""
    start = time.perf_counter_ns()
    connection.sendall(payload)
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, rest = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
    while len(rest) < length:
        rest += connection.recv(65536)
    return (time.perf_counter_ns() - start) / 1000


def latency(ports, calls, per_second):
    connections = {name: connect(port) for name, port in ports.items()}
    times = {name: [] for name in ports}
    payload = payload_of(request_body(False))
    due = time.monotonic()
    for _ in range(calls):
        for name, connection in connections.items():
            due += 1 / per_second
            time.sleep(max(0, due - time.monotonic()))
            times[name].append(one_call(connection, payload))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        p99 = sorted(times[name])[int(len(times[name]) * 0.99)]
        print(f"  {name:8} p50 {median:7.0f} us, p99 {p99:7.0f} us")
    print(f"  weir's p50 is {medians['weir'] - medians['nginx']:+.0f} us against nginx's")


def million(process, port):
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as script:
        script.write(WRK_SCRIPT.format(body=request_body(False)))
    done, readings = 0, []
    while done < 1_000_000:
        requests, _ = wrk(port, script.name, 10, 64)
        done += requests
        settle(process, port)
        readings.append((done, process.rss_mib(), process.anonymous_mib()))
        print(f"  after {done:8} calls: {readings[-1][1]:6.0f} MiB resident, {readings[-1][2]:6.0f} MiB of it anonymous")
    os.unlink(script.name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--only", default="idle,whole,stream,latency")
    options = parser.parse_args()
    wanted = options.only.split(",")

    upstream_port, nginx_port, weir_port = free_port(), free_port(), free_port()
    with Stage() as stage:
        work = stage.folder
        (work / "nginx.conf").write_text(NGINX_CONF.format(dir=work, upstream=upstream_port, port=nginx_port))
        (work / "weir.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{weir_port}"\ndata_dir = "{work}/data"\n'
            f'[providers.openai]\nkind = "openai"\nbase_url = "http://127.0.0.1:{upstream_port}/v1"\n'
        )
        stage.start("upstream", [BIN / "examples" / "upstream", f"127.0.0.1:{upstream_port}"], upstream_port)
        targets = {
            "nginx": stage.start("nginx", ["nginx", "-c", str(work / "nginx.conf"), "-p", str(work)], nginx_port),
            "weir": stage.start("weir", [BIN / "weir", "serve", "--config", str(work / "weir.toml")], weir_port),
        }
        weir, _ = targets["weir"]

        if "idle" in wanted:
            time.sleep(3)
            print(f"idle, fresh data folder: {weir.rss_mib():.1f} MiB resident, {weir.anonymous_mib():.1f} MiB of it anonymous")
        if "whole" in wanted:
            print(f"1 kB replies, 64 connections, {options.rounds} alternating rounds of {options.seconds} s")
            load(targets, request_body(False), options.rounds, options.seconds, 64, "call")
        if "stream" in wanted:
            print(f"streams of 200 chunks, 64 connections, {options.rounds} alternating rounds of {options.seconds} s")
            load(targets, request_body(True), options.rounds, options.seconds, 64, "stream")
        if "latency" in wanted:
            print("latency of 1 kB replies, 100 calls a second in all, in turn")
            latency({"direct": upstream_port, "nginx": nginx_port, "weir": weir_port}, 600, 100)
        if "million" in wanted:
            print("memory over a million calls, 64 connections")
            million(weir, weir_port)


if __name__ == "__main__":
    main()
