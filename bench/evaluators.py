#!/usr/bin/env python3
"""Measures whether evaluators delay users' calls: Weir that judges nothing beside Weirs whose judge is saturated, failing or silent.

Every answer is to be judged by a model (`sample = 1`). One judge answers after 200 ms, so far more waits than it can do; one answers 500; one
takes the question and never answers. A user's calls go to all in turn at a fixed rate, so that a change of the machine's speed hits all;
before and meanwhile a second user keeps each evaluator's queue full. Reported are times of users' calls, and what became of judgements.

    bench/evaluators.py [--calls 1500] [--per-second 100]

Environment: BIN_DIR, where `weir` and the examples were built (default: target/release).
"""

import argparse
import re
import statistics
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway import BIN, Stage, connect, free_port, one_call, payload_of, request_body

WEIR_TOML = """
[server]
listen = "127.0.0.1:{port}"
data_dir = "{dir}/data-{port}"
[listeners]
otlp_grpc = "off"
otlp_http = "off"
datadog = "off"
dogstatsd = "off"
[providers.openai]
kind = "openai"
base_url = "http://127.0.0.1:{upstream}/v1"
"""

# A trace is judged after the least pause, so that judging is under way while calls are measured.
JUDGED = """
[providers.judges]
kind = "openai"
base_url = "http://127.0.0.1:{judge}/v1"
[[routes]]
model = "judge"
targets = ["judges"]
[[routes]]
model = "*"
targets = ["openai"]
[evaluation]
sample = 1.0
settle_s = 1
judge_model = "judge"
timeout_ms = 5000
[[evaluators]]
name = "tone"
prompt = "{{question}} {{output}}"
"""

VERDICT = b'{"id":"j","object":"chat.completion","created":1,"model":"judge","choices":[{"index":0,"message":{"role":"assistant","content":"{\\"value\\":0.5,\\"reason\\":\\"fair\\"}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":50,"completion_tokens":9,"total_tokens":59}}'
JUDGES = {"saturated": (200, 0.2), "failing": (500, 0.0), "silent": (None, 0.0)}


class Judge(BaseHTTPRequestHandler):
    """A model that judges in one way, whatever it is asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        status, after = self.server.way
        if status is None:
            self.server.never.wait()
            self.close_connection = True
            return
        time.sleep(after)
        body = VERDICT if status == 200 else b'{"error":{"message":"out of order","type":"server_error"}}'
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Judges(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Weir gave up waiting, or ended: nothing to tell."""


def judge(way):
    server = Judges(("127.0.0.1", 0), Judge)
    server.way, server.never = way, threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def question(number):
    """A question of its own each time, so that no judgement is known from before."""
    return payload_of(request_body(False).replace("quick brown fox", f"quick brown fox {number}", 1))


def fill(ports, stop, per_second):
    """The second user, who makes more calls than can be judged."""
    connections = {port: connect(port) for port in ports}
    number = 0
    while not stop.wait(1 / per_second):
        for connection in connections.values():
            number += 1
            one_call(connection, question(f"again {number}"))


def counters(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        counted = re.findall(r'^weir_evaluation_(\w+?)(?:_total)?(?:{result="(\w+)"})? (\d+)$', page.read().decode(), re.M)
    return {" ".join(filter(None, (name.replace("_", " "), result))): count for name, result, count in counted}


def measure(ports, calls, per_second):
    connections = {name: connect(port) for name, port in ports.items()}
    times = {name: [] for name in ports}
    due = time.monotonic()
    for number in range(calls):
        # Who goes first changes, because what ran before leaves the machine warm.
        for name in sorted(connections, reverse=number % 2 == 1):
            due += 1 / per_second
            time.sleep(max(0, due - time.monotonic()))
            times[name].append(one_call(connections[name], question(number)))
    none = statistics.median(times["none"])
    for name, port in ports.items():
        values = sorted(times[name])
        p50, p99 = statistics.median(values), values[int(len(values) * 0.99)]
        print(f"  {name:10} p50 {p50:6.0f} us ({p50 / none:.2f}x), p99 {p99:6.0f} us, longest {values[-1]:6.0f} us")
    for name, port in ports.items():
        if name != "none":
            said = ", ".join(f"{what} {count}" for what, count in sorted(counters(port).items()) if count != "0")
            print(f"  {name:10} {said}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1500)
    parser.add_argument("--per-second", type=float, default=100)
    options = parser.parse_args()
    judges = {name: judge(way) for name, way in JUDGES.items()}
    with Stage() as stage:
        upstream = free_port()
        stage.start("upstream", [BIN / "examples" / "upstream", f"127.0.0.1:{upstream}"], upstream)
        ports = {}
        for name in ("none", *judges):
            ports[name] = port = free_port()
            text = WEIR_TOML + (JUDGED if name in judges else "[evaluation]\nenabled = false\n")
            used = {"judge": judges[name].server_port} if name in judges else {}
            config = stage.folder / f"{name}.toml"
            config.write_text(text.format(dir=stage.folder, port=port, upstream=upstream, **used))
            stage.start(name, [BIN / "weir", "serve", "--config", str(config)], port)
        stop = threading.Event()
        threading.Thread(target=fill, args=(list(ports.values()), stop, 10), daemon=True).start()
        time.sleep(5)
        print(f"{options.calls} calls to each, {options.per_second:.0f} a second in all, in turn; judges by all that was kept")
        measure(ports, options.calls, options.per_second)
        stop.set()


if __name__ == "__main__":
    main()
