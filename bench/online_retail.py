"""Starling beside DuckDB on the online-retail data: the initial load, and roll-ups.

usage: online_retail.py BINARY DATA RUNS
"""

import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import adbc_driver_flightsql.dbapi as flight_sql
import duckdb

binary, data, runs = sys.argv[1], os.path.abspath(sys.argv[2]), int(sys.argv[3])
project = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "online-retail")
work = tempfile.mkdtemp(prefix="starling-bench-")
threads = os.cpu_count()

DUCKDB_LOAD = f"""
SET threads = {threads};
CREATE TABLE line AS
  SELECT *, parse_filename(filename) AS file FROM read_csv('{data}/online-retail/*.csv.gz',
    header = true, filename = true, columns = {{'InvoiceNo': 'VARCHAR', 'StockCode': 'VARCHAR',
    'Description': 'VARCHAR', 'Quantity': 'BIGINT', 'InvoiceDate': 'TIMESTAMP',
    'UnitPrice': 'DECIMAL(12,3)', 'CustomerID': 'VARCHAR', 'Country': 'VARCHAR'}});
CREATE TABLE customer AS SELECT row_number() OVER (ORDER BY customer_no) AS customer_key, customer_no
  FROM (SELECT DISTINCT split_part(CustomerID, '.', 1) AS customer_no FROM line WHERE CustomerID IS NOT NULL);
CREATE TABLE product AS SELECT row_number() OVER (ORDER BY stock_code) AS product_key, * FROM (
  SELECT upper(trim(StockCode)) AS stock_code, any_value(Description) AS description,
    any_value(CASE WHEN regexp_matches(StockCode, '^[0-9]{{5}}') THEN 'goods' ELSE 'fee' END) AS kind
  FROM line GROUP BY 1);
CREATE TABLE region AS SELECT row_number() OVER (ORDER BY country) AS region_key, *,
  CASE WHEN country = 'United Kingdom' THEN 'Domestic' ELSE 'Export' END AS market
  FROM (SELECT DISTINCT trim(Country) AS country FROM line);
CREATE TABLE date AS SELECT datediff('day', DATE '0001-01-01', d) + 1 AS date_key, d::DATE AS date,
  year(d) AS year_key, strftime(d, '%Y-%m') AS month_caption
  FROM generate_series(TIMESTAMP '2010-01-01', TIMESTAMP '2011-12-31', INTERVAL 1 DAY) t(d);
CREATE TABLE sales AS SELECT date_key, coalesce(customer_key, -1) AS customer_key, product_key, region_key,
    file, InvoiceNo AS invoice_no, CASE WHEN InvoiceNo LIKE 'C%' THEN 'cancellation'
      WHEN InvoiceNo LIKE 'A%' THEN 'adjustment' ELSE 'sale' END AS kind,
    Quantity AS quantity, UnitPrice AS unit_price, Quantity * UnitPrice AS amount, InvoiceDate AS invoiced_at
  FROM line JOIN date ON date = InvoiceDate::DATE
  JOIN product ON stock_code = upper(trim(StockCode)) JOIN region r ON r.country = trim(line.Country)
  LEFT JOIN customer ON customer_no = split_part(CustomerID, '.', 1);
"""

ROLLUPS = [
    (
        "by_month_market",
        "SELECT date_month, region_market, AGG(amount), AGG(lines) FROM cubes.sales GROUP BY 1, 2",
        "SELECT month_caption, market, sum(amount), count(*) FROM sales JOIN date USING (date_key) "
        "JOIN region USING (region_key) GROUP BY 1, 2",
    ),
    (
        "by_item_of_a_year",
        "SELECT product_item, AGG(amount) FROM cubes.sales WHERE date_year = '2011' "
        "GROUP BY 1 ORDER BY 2 DESC LIMIT 20",
        "SELECT description, sum(amount) FROM sales JOIN date USING (date_key) "
        "JOIN product USING (product_key) WHERE year_key = 2011 GROUP BY product_key, description "
        "ORDER BY 2 DESC LIMIT 20",
    ),
    (
        "distinct_invoices",
        "SELECT region_country, AGG(invoices), AGG(customers) FROM cubes.sales GROUP BY 1",
        "SELECT country, count(DISTINCT invoice_no), count(DISTINCT CASE WHEN customer_key > 0 "
        "THEN customer_key END) FROM sales JOIN region USING (region_key) GROUP BY 1",
    ),
    (
        "rollup_year_month",
        "SELECT date_year, date_month, AGG(amount), AGG(cancelled_share) FROM cubes.sales "
        "GROUP BY ROLLUP (date_year, date_month)",
        "SELECT year_key, month_caption, sum(amount), sum(CASE WHEN kind = 'cancellation' THEN amount END) "
        "/ sum(amount) FROM sales JOIN date USING (date_key) GROUP BY ROLLUP (year_key, month_caption)",
    ),
]


def timed(action, count=runs):
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def starling_load():
    shutil.rmtree(os.path.join(work, "wh"), ignore_errors=True)
    subprocess.run(
        [binary, "-C", project, "--warehouse", os.path.join(work, "wh"), "load", "--quiet"],
        check=True,
        env={**os.environ, "STARLING_DATA": data},
    )


def duckdb_load():
    """A process of its own too, so that both start cold."""
    script = os.path.join(work, "load.py")
    folder = os.path.join(work, "parquet")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"import duckdb\nc = duckdb.connect()\nc.execute('''{DUCKDB_LOAD}''')\n")
        file.write("for t in ['customer', 'product', 'region', 'date', 'sales']:\n")
        file.write(f"    c.execute(f\"COPY {{t}} TO '{folder}/{{t}}.parquet' (COMPRESSION zstd)\")\n")
    subprocess.run([sys.executable, script], check=True)


try:
    pairs = [(timed(starling_load, 1), timed(duckdb_load, 1)) for _ in range(runs)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs))
    peak = 0
    starling_load()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"load: starling {ours:.2f} s, duckdb {theirs:.2f} s; peak of all loads {peak:.0f} MiB")
    print(f"ratio load {ours / theirs:.2f}")

    peer = duckdb.connect()
    peer.execute(f"SET threads = {threads}")
    for table in ["customer", "product", "region", "date", "sales"]:
        peer.execute(
            f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{work}/parquet/{table}.parquet')"
        )
    command = [binary, "--warehouse", os.path.join(work, "wh")]
    server = subprocess.Popen(
        [*command, "serve", "--flight", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    )
    address = re.search(r"grpc://\S+?(?=;)", server.stderr.readline()).group()
    connection = flight_sql.connect(address, autocommit=True)
    cursor = connection.cursor()

    for name, question, same in ROLLUPS:

        def over_adbc():
            cursor.execute(question)
            return cursor.fetch_arrow_table()

        def in_duckdb():
            return peer.sql(same).to_arrow_table()

        assert over_adbc().num_rows == in_duckdb().num_rows, name
        theirs = timed(in_duckdb, runs * 3)
        adbc = timed(over_adbc, runs * 3)
        told = subprocess.run(
            [*command, "sql", question, "--repeat", str(runs * 3), "--format", "csv"],
            check=True, capture_output=True, text=True,
        ).stderr
        ours = float(re.search(r"([0-9.]+) ms", told).group(1)) / 1000
        print(
            f"{name}: in process {ours * 1000:.1f} ms, over ADBC {adbc * 1000:.1f} ms, "
            f"duckdb {theirs * 1000:.1f} ms"
        )
        print(f"ratio {name} {ours / theirs:.2f}")
        print(f"ratio {name}_adbc {adbc / theirs:.2f}")
    cursor.close()
    connection.close()
    server.terminate()
    server.wait()
finally:
    shutil.rmtree(work, ignore_errors=True)
