"""Runs the suites of all clients against one stand. Each suite ends in its own summary.

Arguments go to pytest: `tests/clients/run.sh -k stream`. With arguments the Node suite is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from harness.stand import Stand  # noqa: E402


def main() -> int:
    cache = Path(os.environ["WEIR_CLIENTS"])
    arguments = sys.argv[1:]
    failed = []
    for suite in ("sdk", "frameworks", "telemetry", "datadog"):
        python = cache / suite / "bin" / "python"
        folder = HERE / "python" / suite
        command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder), *arguments]
        # 5: the arguments chose no test of this suite.
        if subprocess.run(command, cwd=HERE, check=False).returncode not in (0, 5):
            failed.append(suite)
    if not arguments:
        tests = sorted(str(path) for path in (HERE / "node").glob("*.test.mjs"))
        with Stand() as stand:
            environment = {**os.environ, **stand.environment()}
            command = ["node", "--test", *tests]
            if subprocess.run(command, cwd=HERE / "node", env=environment, check=False).returncode != 0:
                failed.append("node")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
