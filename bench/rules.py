#!/usr/bin/env python3
"""What a round of rules costs, beside Prometheus: 100 rules over 10,000 series, a new value for each series a round.

    cargo build --release -p weir-monitor --example tick_bench
    bench/rules.py [--rounds 12] [--bin PATH]

Prometheus (Debian's package) scrapes 10,000 series from a page of this script every five seconds and evaluates 100
recording rules, `avg by (app) (avg_over_time(llm_mN[5m]))`, ten groups each, after it. Weir's monitor engine takes the same
series as minute cells and judges 100 monitors of the same shape. Counted is CPU, by the kernel's books: for Prometheus all
of its process (scrape, its database, rules), with and without the rules, for Weir what a round takes in its thread. Weir's own
receivers and store are not in it; bench/run.sh measures those.
"""

import argparse
import http.server
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time

from gateway import Stage, free_port

METRICS, EACH, EVERY_S = 100, 100, 5


class Page(http.server.BaseHTTPRequestHandler):
    """10,000 series, each with another value each time."""

    scrapes = 0

    def do_GET(self):
        Page.scrapes += 1
        lines = []
        for metric in range(METRICS):
            lines.append(f"# TYPE llm_m{metric} gauge")
            for n in range(EACH):
                value = 500 + (n * 7919 + Page.scrapes * 104729 + metric) % 1000
                lines.append(f'llm_m{metric}{{app="application-{n // 10:04}",host="host-{n:05}"}} {value}')
        body = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def prometheus_ms(rounds: int, rules: bool, page_port: int) -> float:
    """Milliseconds of CPU a round."""
    with Stage() as stage:
        folder, port = stage.folder, free_port()
        rule = "".join(
            f"      - record: r{n}\n        expr: avg by (app) (avg_over_time(llm_m{n}[5m]))\n" for n in range(METRICS)
        )
        (folder / "rules.yml").write_text(f"groups:\n  - name: all\n    interval: {EVERY_S}s\n    rules:\n{rule}")
        files = 'rule_files: ["rules.yml"]\n' if rules else ""
        (folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: {EVERY_S}s, evaluation_interval: {EVERY_S}s}}\n{files}"
            f'scrape_configs:\n  - job_name: page\n    static_configs: [{{targets: ["127.0.0.1:{page_port}"]}}]\n'
        )
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                   f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        prometheus, _ = stage.start("prometheus", command, port)
        # Five minutes of values would be a full window; what rules read grows until then, so this favours Prometheus.
        time.sleep(6 * EVERY_S)
        before = prometheus.cpu_s()
        time.sleep(rounds * EVERY_S)
        return (prometheus.cpu_s() - before) / rounds * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    root = pathlib.Path(__file__).resolve().parent.parent
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    parser.add_argument("--bin", type=pathlib.Path, default=target / "release/examples/tick_bench")
    args = parser.parse_args()
    if not shutil.which("prometheus"):
        sys.exit("prometheus is not installed (apt-get install prometheus)")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    weir, whole, bare = [], [], []
    for _ in range(3):
        out = subprocess.run([args.bin, "rules"], check=True, capture_output=True, text=True).stdout
        weir.append(float(out.split("together ")[1].split(" ms")[0]))
        whole.append(prometheus_ms(args.rounds, True, server.server_address[1]))
        bare.append(prometheus_ms(args.rounds, False, server.server_address[1]))
    median = statistics.median
    print(f"{METRICS} rules over {METRICS * EACH} series, CPU a round, medians of three")
    print(f"  Weir, cells and judgement           {median(weir):7.1f} ms")
    print(f"  Prometheus, scrape, database, rules {median(whole):7.1f} ms")
    print(f"  Prometheus without rules            {median(bare):7.1f} ms")
    print(f"  ratio (whole Prometheus to Weir)    {median(whole) / median(weir):7.1f}")


if __name__ == "__main__":
    main()
