"""Serves a small shop and reads it through the ADBC Flight SQL driver, as a BI client would.

usage: flight_sql.py BINARY PROJECT WORKDIR
"""

import csv
import io
import os
import re
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import pyarrow

from starling import Checks

binary, repository, work = sys.argv[1:]
shop = os.path.join(work, "shop")
checks = Checks()


def write(name, text):
    path = os.path.join(shop, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def run(*arguments):
    return subprocess.run(
        [binary, "-C", shop, *arguments], capture_output=True, text=True, check=True
    ).stdout


def sql_on_the_command_line(query):
    return list(csv.reader(io.StringIO(run("sql", query, "--format", "csv"))))[1:]


def load(amount):
    write(
        "data/sales.csv",
        "id,day,customer,note,amount\n"
        f"1,2024-01-31,Ada,first,{amount}\n2,2024-02-29,Bob,,4.25\n3,2025-03-01,Ada,x,0.50\n",
    )
    run("load")


write("starling.yaml", "version: 1\nname: shop\nwarehouse: wh\n")
write(
    "etl/sources.yaml",
    "version: 1\nsources:\n  shop:\n    csv: {path: data}\n    tables:\n"
    "      sale: {file: sales.csv, types: {day: date, amount: 'decimal(10,2)'}}\n",
)
write(
    "etl/customer.yaml",
    "version: 1\ndimension: customer\nkey: name\nfrom:\n"
    "  - {table: shop.sale, columns: {name: customer}}\nlevels: {customer: name}\n",
)
write(
    "etl/sales.yaml",
    "version: 1\nfact: sales\ngrain: [sale_no]\nfrom:\n  - table: shop.sale\n"
    "    columns: {sale_no: id, note: note, amount: {expr: amount, currency: EUR}}\n"
    "dimensions: {date: {on: day}, customer: {on: customer}}\n",
)
write(
    "cubes/sales.yaml",
    "version: 1\ncube: sales\nfact: sales\nmeasures:\n"
    "  revenue: {sum: amount, description: What customers paid}\n"
    "  sales: {count: '*'}\n  buyers: {distinct: customer}\n"
    "  average: {expr: 'revenue / sales'}\n",
)
load("10.50")

server = subprocess.Popen(
    [binary, "-C", shop, "serve", "--flight", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
)
try:
    address = re.search(r"grpc://\S+?(?=;)", server.stderr.readline()).group()

    def connect(**options):
        return flight_sql.connect(address, autocommit=True, db_kwargs=options)

    connection = connect()
    cursor = connection.cursor()

    def rows(query, parameters=None):
        cursor.execute(query, parameters)
        return cursor.fetchall()

    # What there is.
    tree = connection.adbc_get_objects(depth="columns").read_all().to_pylist()
    checks.equal("catalogs", [catalog["catalog_name"] for catalog in tree], ["starling"])
    schemas = {s["db_schema_name"]: s for s in tree[0]["catalog_db_schemas"]}
    checks.equal(
        "schemas",
        [name for name in schemas if name != "information_schema"],
        ["cubes", "cubes_bi", "system", "warehouse"],
    )

    def tables(schema):
        return {t["table_name"]: t["table_type"] for t in schemas[schema]["db_schema_tables"]}

    checks.equal("warehouse", sorted(tables("warehouse")), ["customer", "date", "sales"])
    cubes = {"sales": "VIEW", "sales$calculations": "VIEW"}
    checks.equal("cubes", tables("cubes_bi"), cubes)
    columns = {
        column["column_name"]
        for table in schemas["cubes"]["db_schema_tables"]
        if table["table_name"] == "sales"
        for column in table["table_columns"]
    }
    wanted = {"date_month", "customer_customer", "revenue", "sales", "buyers", "average"}
    checks.equal("columns", wanted - columns, set())
    checks.equal("table types", "VIEW" in connection.adbc_get_table_types(), True)
    described = connection.adbc_get_table_schema("sales", db_schema_filter="cubes")
    remark = described.field("revenue").metadata[b"ARROW:FLIGHT:SQL:REMARKS"]
    checks.equal("remark", remark, b"What customers paid")

    # The same numbers as on the command line.
    by_month = "SELECT date_month, AGG(revenue), AGG(buyers) FROM cubes.sales GROUP BY 1 ORDER BY 1"
    expected = [("2024-01", Decimal("10.50"), 1), ("2024-02", Decimal("4.25"), 1)]
    expected.append(("2025-03", Decimal("0.50"), 1))
    checks.equal("by month", rows(by_month), expected)
    checks.equal(
        "as text",
        [[str(value) for value in row] for row in rows(by_month)],
        sql_on_the_command_line(by_month),
    )
    total = (
        "SELECT customer_customer, AGG(average) FROM cubes.sales "
        "GROUP BY ROLLUP (customer_customer) ORDER BY 1"
    )
    checks.equal("a ratio's total", rows(total)[-1][1], 15.25 / 3)
    checks.equal(
        "plain SUM in the lenient schema",
        rows("SELECT SUM(revenue), SUM(average) FROM cubes_bi.sales"),
        [(Decimal("15.25"), 15.25 / 3)],
    )
    checks.equal("preview", len(rows("SELECT * FROM cubes.sales LIMIT 2")), 2)

    # Parameters.
    checks.equal(
        "parameters",
        rows(
            "SELECT AGG(sales) FROM cubes.sales WHERE date_year = ? AND customer_customer <> ?",
            ("2024", "Bob"),
        ),
        [(1,)],
    )
    checks.equal(
        "typed parameters",
        rows(
            "SELECT sale_no FROM warehouse.sales JOIN warehouse.date USING (date_key) "
            "WHERE amount >= ? AND date = ? AND sale_no < ?",
            (Decimal("4.00"), date(2024, 2, 29), 10),
        ),
        [(2,)],
    )
    cursor.execute(by_month)
    table = cursor.fetch_arrow_table()
    checks.equal("types", table.schema.types[:2], [pyarrow.string(), pyarrow.decimal128(38, 2)])

    # What is refused, and how.
    def refusal(query):
        try:
            rows(query)
        except adbc_driver_manager.Error as error:
            return str(error)
        return "nothing was refused"

    for query, words in [
        ("SELECT revenu FROM cubes.sales", "revenue"),
        ("SELECT AVG(revenue) FROM cubes.sales", "AGG(revenue)"),
        ("DROP TABLE warehouse.sales", "only queries"),
        ("INSERT INTO warehouse.sales VALUES (1)", "load"),
        ("SELECT * FROM '/etc/passwd'", "passwd"),
        ("SELECT FROM", "expected: identifier"),
    ]:
        message = refusal(query)
        checks.equal(f"{query}: {message}", words in message, True)

    # A new epoch shows within a second, without a restart.
    named = connect(username="ada", password="x")
    load("20.50")
    published = time.monotonic()
    while rows("SELECT AGG(revenue) FROM cubes.sales") != [(Decimal("25.25"),)]:
        if time.monotonic() - published > 30:
            break
    checks.equal("seconds until the new epoch showed", time.monotonic() - published < 1, True)
    with named.cursor() as other:
        other.execute("SELECT max(epoch) FROM system.epochs")
        checks.equal("with a name", other.fetchone(), (2,))
    named.close()
    cursor.close()
    connection.close()
finally:
    server.terminate()
    server.wait()
checks.equal("exit code after a stop", server.returncode, 0)
checks.finish()
