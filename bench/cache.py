#!/usr/bin/env python3
"""Measures what a hit of the cache costs, beside nginx's proxy_cache and a miss, in one run, on one machine.

The upstream is the simulated one of `bench/gateway.py`. Every call is the same, so after the first all are hits. Rounds alternate
between the targets. `bare` is the gateway alone (`crates/weir-gateway/examples/bare_gateway.rs`: records are made and dropped);
with --weir the whole of Weir is measured too, recording into DuckDB.

    bench/cache.py [--rounds 5] [--seconds 4] [--weir]

Environment: BIN_DIR, where `weir` and the examples were built (default: target/release).
"""

import argparse
import getpass
import os
import statistics
import tempfile

from gateway import BIN, WRK_SCRIPT, Stage, free_port, request_body, settle, wrk

NGINX_CONF = """
user {user};
worker_processes 2;
daemon off;
error_log {dir}/error.log;
pid {dir}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  client_body_buffer_size 64k;
  proxy_cache_path {dir}/cache keys_zone=answers:10m;
  upstream backend {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 1000000;
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache answers;
      proxy_cache_methods POST;
      proxy_cache_key "$request_uri|$request_body";
      proxy_cache_valid 200 1h;
      proxy_cache_lock on;
    }}
  }}
}}
"""

WEIR_TOML = """
[server]
listen = "127.0.0.1:{port}"
data_dir = "{dir}/data"
[cache]
enabled = true
[providers.openai]
kind = "openai"
base_url = "http://127.0.0.1:{upstream}/v1"
"""


def measure(targets, body, rounds, seconds):
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as script:
        script.write(WRK_SCRIPT.format(body=body))
    rates, cpus = {name: [] for name in targets}, {name: [] for name in targets}
    for _ in range(rounds):
        for name, (process, port) in targets.items():
            before = process.cpu_s()
            requests, rate = wrk(port, script.name, seconds, 64)
            if name == "weir hit":
                settle(process, port)
            rates[name].append(rate)
            cpus[name].append((process.cpu_s() - before) / requests * 1e6)
    os.unlink(script.name)
    for name in targets:
        spread = f"{min(cpus[name]):.1f} to {max(cpus[name]):.1f}"
        print(f"  {name:10} {statistics.median(rates[name]):8.0f} calls/s, CPU {statistics.median(cpus[name]):6.1f} us a call ({spread})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--weir", action="store_true")
    options = parser.parse_args()
    with Stage() as stage:
        work = stage.folder
        upstream = free_port()
        stage.start("upstream", [BIN / "examples" / "upstream", f"127.0.0.1:{upstream}"], upstream)
        url = f"http://127.0.0.1:{upstream}/v1"
        targets = {}
        port = free_port()
        (work / "nginx.conf").write_text(NGINX_CONF.format(user=getpass.getuser(), dir=work, upstream=upstream, port=port))
        targets["nginx hit"] = stage.start("nginx", ["nginx", "-c", str(work / "nginx.conf"), "-p", str(work)], port)
        for name, more in (("bare hit", ["cache"]), ("bare miss", [])):
            port = free_port()
            command = [BIN / "examples" / "bare_gateway", f"127.0.0.1:{port}", url, "2", *more]
            targets[name] = stage.start(name, command, port)
        if options.weir:
            port = free_port()
            (work / "weir.toml").write_text(WEIR_TOML.format(dir=work, port=port, upstream=upstream))
            targets["weir hit"] = stage.start("weir", [BIN / "weir", "serve", "--config", str(work / "weir.toml")], port)
        for stream, what in ((False, "answers of 1 kB"), (True, "streams of 200 chunks, 37 kB")):
            print(f"{what}, 64 connections, {options.rounds} alternating rounds of {options.seconds} s")
            measure(targets, request_body(stream), options.rounds, options.seconds)


if __name__ == "__main__":
    main()
