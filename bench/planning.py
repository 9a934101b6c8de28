"""How long the golden questions to the demo company's cubes take to plan, from SQL to physical plan.

usage: planning.py BINARY RUNS
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

binary, runs = sys.argv[1], int(sys.argv[2])
project = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
# What the answer must be planned in, in milliseconds.
AIM = 2.0


def questions():
    """Name and SQL of each question; the oracle's SQL stands behind `--`."""
    with open(os.path.join(project, "tests", "golden", "cubes.txt"), encoding="utf-8") as file:
        blocks = re.split(r"^== ", file.read(), flags=re.M)[1:]
    for block in blocks:
        name, rest = block.split("\n", 1)
        yield name, re.split(r"^--$", rest, flags=re.M)[0].strip()


work = tempfile.mkdtemp(prefix="starling-bench-")
try:
    warehouse = os.path.join(work, "wh")
    at = [binary, "-C", project, "--warehouse", warehouse]
    subprocess.run([*at, "load", "--quiet"], check=True)
    planning = []
    for name, sql in questions():
        told = subprocess.run(
            [*at, "sql", sql, "--repeat", str(runs * 3), "--format", "csv"],
            check=True, capture_output=True, text=True,
        )
        planning.append((float(re.search(r"([0-9.]+) ms planning", told.stderr)[1]), name))
    planning.sort()
    for milliseconds, name in planning:
        print(f"{milliseconds:.2f} ms planning: {name}")
    median = statistics.median(milliseconds for milliseconds, _ in planning)
    print(f"planning: median {median:.2f} ms of {len(planning)} questions")
    print(f"ratio planning_p50_to_{AIM:.0f}ms {median / AIM:.2f}")
finally:
    shutil.rmtree(work, ignore_errors=True)
