#!/usr/bin/env python3
"""Measures what the three layers of cost control cost together: Weir with all of them on beside Weir with none, in one run.

Every call is a miss of the cache (each prompt has a number of its own), is reserved with a budget and a rate limit, and is held
against a token budget. Short prompts are within it; long ones (24 kB) are cut. Rounds alternate; both Weirs record into DuckDB.

    bench/layers.py [--rounds 5] [--seconds 4]

Environment: BIN_DIR, where `weir` and the examples were built (default: target/release).
"""

import argparse
import os
import statistics
import tempfile

from gateway import BIN, WRK_SCRIPT, Stage, free_port, request_body, settle, wrk

WEIR_TOML = """
[server]
listen = "127.0.0.1:{port}"
data_dir = "{dir}/data-{port}"
[providers.openai]
kind = "openai"
base_url = "http://127.0.0.1:{upstream}/v1"
"""

LAYERS = """
[cache]
enabled = true
[agents."*"]
max_input_tokens = 2000
max_output_tokens = 4000
[[budgets]]
scope = {{ team = "*" }}
period = "day"
amount_usd = 1000000000.0
[[rate_limits]]
scope = {{ user = "*" }}
requests_per_minute = 1000000000
tokens_per_minute = 1000000000
concurrent = 10000
"""

# Each call has a number of its own in each round, so that none is like another.
UNIQUE = """
local round, calls = os.time(), 0
request = function()
  calls = calls + 1
  return wrk.format(nil, nil, nil, (wrk.body:gsub("quick brown fox", "quick brown fox " .. round .. calls, 1)))
end
"""


def measure(targets, body, rounds, seconds):
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as script:
        script.write(WRK_SCRIPT.format(body=body) + UNIQUE)
    rates, cpus = {name: [] for name in targets}, {name: [] for name in targets}
    for number in range(rounds):
        # Who goes first changes, because what ran before leaves the machine warm.
        for name in sorted(targets, reverse=number % 2 == 1):
            process, port = targets[name]
            before = process.cpu_s()
            requests, rate = wrk(port, script.name, seconds, 64)
            settle(process, port)
            rates[name].append(rate)
            cpus[name].append((process.cpu_s() - before) / requests * 1e6)
    os.unlink(script.name)
    rate = {name: statistics.median(values) for name, values in rates.items()}
    cpu = {name: statistics.median(values) for name, values in cpus.items()}
    for name in targets:
        print(f"  {name:10} {rate[name]:8.0f} calls/s, CPU {cpu[name]:6.1f} us a call")
    print(f"  throughput {rate['layers'] / rate['none']:.2f}x, CPU {cpu['layers'] / cpu['none']:.2f}x")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    with Stage() as stage:
        work = stage.folder
        upstream = free_port()
        stage.start("upstream", [BIN / "examples" / "upstream", f"127.0.0.1:{upstream}"], upstream)
        targets = {}
        for name, more in (("none", ""), ("layers", LAYERS)):
            port = free_port()
            config = work / f"{name}.toml"
            config.write_text((more + WEIR_TOML).format(dir=work, port=port, upstream=upstream))
            targets[name] = stage.start(name, [BIN / "weir", "serve", "--config", str(config)], port)
        short = request_body(False)
        long = short.replace("Tell me about", "It was a bright cold day in April. " * 680 + "Tell me about", 1)
        for what, body in (("prompts of 500 bytes", short), (f"prompts of {len(long) // 1000} kB, cut", long)):
            print(f"{what}, 64 connections, {options.rounds} alternating rounds of {options.seconds} s")
            measure(targets, body, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
