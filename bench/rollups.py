"""Twenty roll-ups of online retail: Starling in process beside DuckDB on the files Starling wrote.

usage: rollups.py BINARY DATA RUNS
"""

import glob
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

binary, data, runs = sys.argv[1], os.path.abspath(sys.argv[2]), int(sys.argv[3])
project = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "online-retail")
work = tempfile.mkdtemp(prefix="starling-bench-")
warehouse = os.path.join(work, "wh")

DATE, REGION, PRODUCT, CUSTOMER = (
    f"JOIN {table} USING ({table}_key)" for table in ["date", "region", "product", "customer"]
)
# What is asked of the cube, and of its tables with the joins it needs.
QUESTIONS = [
    ("", "", "AGG(amount), AGG(lines)", "sum(amount), count(*)", ""),
    ("date_year", "year_caption", "AGG(amount)", "sum(amount)", DATE),
    ("date_quarter", "quarter_caption", "AGG(amount), AGG(quantity)", "sum(amount), sum(quantity)", DATE),
    ("date_month", "month_caption", "AGG(amount), AGG(lines)", "sum(amount), count(*)", DATE),
    ("date_week", "week_caption", "AGG(amount)", "sum(amount)", DATE),
    ("date_day", "day_caption", "AGG(amount)", "sum(amount)", DATE),
    ("region_market", "market", "AGG(amount)", "sum(amount)", REGION),
    ("region_country", "country", "AGG(amount), AGG(quantity)", "sum(amount), sum(quantity)", REGION),
    ("product_kind", "kind_1", "AGG(amount)", "sum(amount)", PRODUCT),
    ("product_item_key", "stock_code", "AGG(amount)", "sum(amount)", PRODUCT),
    ("customer_customer", "customer_no", "AGG(amount)", "sum(amount)", CUSTOMER),
    ("kind", "kind", "AGG(amount), AGG(lines)", "sum(amount), count(*)", ""),
    ("date_month, region_market", "month_caption, market", "AGG(amount)", "sum(amount)", DATE + REGION),
    ("date_year, region_country", "year_caption, country", "AGG(amount)", "sum(amount)", DATE + REGION),
    ("date_month, product_kind", "month_caption, kind_1", "AGG(amount)", "sum(amount)", DATE + PRODUCT),
    (
        "region_country, product_kind", "country, kind_1",
        "AGG(amount), AGG(lines)", "sum(amount), count(*)", REGION + PRODUCT,
    ),
    (
        "date_year, region_market, product_kind", "year_caption, market, kind_1",
        "AGG(amount)", "sum(amount)", DATE + REGION + PRODUCT,
    ),
    ("region_country", "country", "AGG(invoices)", "count(DISTINCT invoice_no)", REGION),
    (
        "date_month", "month_caption", "AGG(customers)",
        "count(DISTINCT customer_key) FILTER (customer_key > 0)", DATE,
    ),
    (
        "ROLLUP (date_year, date_month)", "ROLLUP (year_caption, month_caption)",
        "AGG(amount)", "sum(amount)", DATE,
    ),
]


def median(action):
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def shown(groups):
    return re.sub(r"ROLLUP \((.*)\)", r"\1", groups)


def sql(table, groups, values, joins=""):
    listed = ", ".join(part for part in [shown(groups), values] if part)
    return f"SELECT {listed} FROM {table} {joins}" + (f" GROUP BY {groups}" if groups else "")


try:
    subprocess.run(
        [binary, "-C", project, "--warehouse", warehouse, "load", "--quiet"],
        check=True,
        env={**os.environ, "STARLING_DATA": data},
    )
    peer = duckdb.connect()
    peer.execute(f"SET threads = {os.cpu_count()}")
    for table in ["sales", "date", "region", "product", "customer"]:
        files = glob.glob(os.path.join(warehouse, "tables", table, "**", "*.parquet"), recursive=True)
        # `kind` is a column of two tables, and USING would join by one name only.
        columns = "* RENAME (kind AS kind_1)" if table == "product" else "*"
        peer.execute(f"CREATE VIEW {table} AS SELECT {columns} FROM read_parquet({files})")
    ratios, planning = [], []
    for number, (groups, their_groups, values, their_values, joins) in enumerate(QUESTIONS, 1):
        question = sql("cubes.sales", groups, values)
        same = sql("sales", their_groups, their_values, joins)
        told = subprocess.run(
            [binary, "--warehouse", warehouse, "sql", question, "--repeat", str(runs * 3), "--format", "csv"],
            check=True, capture_output=True, text=True,
        )
        theirs = median(lambda: peer.sql(same).to_arrow_table())
        rows = peer.sql(same).to_arrow_table().num_rows
        assert told.stdout.count("\n") - 1 == rows, (question, rows)
        ours, planned = (float(ms) / 1000 for ms in re.findall(r"([0-9.]+) ms", told.stderr)[:2])
        ratios.append(ours / theirs)
        planning.append(planned)
        print(f"{number}: starling {ours * 1000:.1f} ms ({planned * 1000:.2f} planning), duckdb {theirs * 1000:.1f} ms: {question}")
    print(f"planning: median {statistics.median(planning) * 1000:.2f} ms")
    print(f"ratio rollups {math.exp(statistics.fmean(map(math.log, ratios))):.2f}")
finally:
    shutil.rmtree(work, ignore_errors=True)
