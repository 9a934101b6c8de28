"""From PostgreSQL and from MariaDB to Arrow: Starling beside connectorx, the same rows in one run.

usage: databases.py BINARY RUNS [ROWS]
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import connectorx
import pyarrow.ipc

from database_servers import mariadb, postgres

binary, runs = sys.argv[1], int(sys.argv[2])
rows = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000

COLUMNS = ["id", "order_no", "customer", "quantity", "price", "weight", "day", "changed_at", "note", "paid"]

POSTGRES = f"""
CREATE TABLE line AS SELECT n::bigint AS id, 'SO-' || lpad((n / 3)::text, 9, '0') AS order_no,
  (n * 7919 % 50021)::int AS customer, (n % 37)::int AS quantity, ((n * 31 % 1000003) / 100.0)::numeric(12,2) AS price,
  (n % 1009) / 7.0::float8 AS weight, DATE '2015-01-01' + (n % 3650)::int AS day,
  TIMESTAMP '2015-01-01' + n * INTERVAL '13 seconds' AS changed_at,
  CASE WHEN n % 5 = 0 THEN NULL ELSE 'line ' || (n % 977) || ' of an order, packed by hand' END AS note, n % 3 = 0 AS paid
  FROM generate_series(1, {rows}) n;
ALTER TABLE line ADD PRIMARY KEY (id);
VACUUM ANALYZE line;
"""

MARIADB = f"""
CREATE TABLE bench.line (id bigint PRIMARY KEY, order_no varchar(20) NOT NULL, customer int, quantity int,
  price decimal(12,2), weight double, day date, changed_at datetime(6), note varchar(100), paid tinyint);
INSERT INTO bench.line SELECT seq, concat('SO-', lpad(seq DIV 3, 9, '0')), seq * 7919 % 50021, seq % 37,
  (seq * 31 % 1000003) / 100, (seq % 1009) / 7e0, DATE '2015-01-01' + INTERVAL seq % 3650 DAY,
  TIMESTAMP '2015-01-01 00:00:00' + INTERVAL seq * 13 SECOND,
  IF(seq % 5 = 0, NULL, concat('line ', seq % 977, ' of an order, packed by hand')), seq % 3 = 0
  FROM seq_1_to_{rows};
ANALYZE TABLE bench.line;
"""


def ours(folder):
    """Seconds of the whole process, which hands its Arrow over through a pipe."""
    start = time.perf_counter()
    command = [binary, "-C", folder, "read", "crm.line", "--format", "arrow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        table = pyarrow.ipc.open_stream(process.stdout).read_all()
    return time.perf_counter() - start, table


def theirs(url, **options):
    start = time.perf_counter()
    table = connectorx.read_sql(url, "SELECT * FROM line", return_type="arrow", **options)
    return time.perf_counter() - start, table


def check(mine, other):
    """Both read the same: as many rows, and the same sums."""
    assert mine.num_rows == other.num_rows == rows, (mine.num_rows, other.num_rows)
    for column in ["id", "customer", "quantity"]:
        sums = [pyarrow.compute.sum(table[column]).as_py() for table in (mine, other)]
        assert sums[0] == sums[1], (column, sums)


def project(kind, url):
    folder = tempfile.mkdtemp(prefix="starling-bench-")
    os.makedirs(f"{folder}/etl")
    open(f"{folder}/url", "w").write(url)
    open(f"{folder}/starling.yaml", "w").write("version: 1\nname: bench\nwarehouse: wh\n")
    source = f'version: 1\nsources:\n  crm:\n    {kind}: {{url: "${{file:url}}"}}\n    tables:\n      line: {{key: [id]}}\n'
    open(f"{folder}/etl/sources.yaml", "w").write(source)
    return folder


def compare(name, kind, server, script):
    with server() as (sql, url):
        done = sql(script)
        assert done.returncode == 0, done.stderr
        folder = project(kind, url)
        ways = [{}, {"partition_on": "id", "partition_num": os.cpu_count()}]
        if kind == "postgres":
            ways = [way | {"protocol": protocol} for way in ways for protocol in ("binary", "cursor")][:3]
        check(ours(folder)[1], theirs(url, **ways[0])[1])
        mine, other = [], [[] for _ in ways]
        for _ in range(runs):
            mine.append(ours(folder)[0])
            for times, way in zip(other, ways):
                times.append(theirs(url, **way)[0])
        best = min(statistics.median(times) for times in other)
        median = statistics.median(mine)
        print(f"{name}: {rows / median:,.0f} rows/s, connectorx {rows / best:,.0f} rows/s")
        print(f"ratio {name}_to_arrow_vs_connectorx {median / best:.2f}")
        shutil.rmtree(folder)


compare("postgres", "postgres", postgres, POSTGRES)
compare("mariadb", "mysql", mariadb, MARIADB)
