"""Asks cubes over a random history, and DuckDB over the same files, and compares the answers.

Usage: history.py BINARY [SEED]
Each customer has some versions, in a mixed order, of which some change nothing that is kept. Sales
are of any day, or of none, some before their customer's first version or of nobody.
"""

import random
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

sys.dont_write_bytecode = True
import duckdb
from starling import Checks, Starling

CUSTOMERS = 60
SALES = 3000
FIRST = date(2020, 1, 1)
DAYS = 200
CITIES = {"Paris": "FR", "Lyon": "FR", "Rome": "IT", "Bari": "IT", "Kiel": "DE"}

FILES = {
    "starling.yaml": "version: 1\nname: shop\n",
    "etl/sources.yaml": """version: 1
sources:
  shop:
    csv: {path: data}
    tables:
      customer: {file: customers.csv, types: {since: timestamp}}
      sale: {file: sales.csv, types: {sold: timestamp, day: date, amount: "decimal(10,2)"}}
""",
    "etl/customer.yaml": """version: 1
dimension: customer
key: no
from:
  - table: shop.customer
    columns: {no: no, since: since, name: name, city: city, country: country, tier: tier}
history: {from: since, type2: [city, country, tier]}
levels:
  country: country
  city: city
  tier: tier
  customer: {key: no, caption: name}
hierarchies:
  by_city: [country, city, customer]
""",
    "etl/sales.yaml": """version: 1
fact: sales
grain: [id]
from:
  - table: shop.sale
    columns: {id: id, sold: sold, amount: amount}
dimensions:
  date: {on: day}
  customer:
    on: customer
    roles: {ship: {on: customer, as_of: sold}}
""",
    "cubes/sales.yaml": """version: 1
cube: sales
fact: sales
measures:
  revenue: {sum: amount}
  lines: {count: "*"}
  buyers: {distinct: customer}
  mean: {avg: amount}
""",
}

# Which version each sale sees: the last that began by then, else the first; the newest without a day.
SEEN = """
WITH versions AS (
  SELECT *, row_number() OVER (PARTITION BY no ORDER BY since) AS place,
         row_number() OVER (PARTITION BY no ORDER BY since DESC) AS back
  FROM customers
), newest AS (SELECT * FROM versions WHERE back = 1),
seen AS (
  SELECT s.id, v.city, v.country, v.tier FROM sales s JOIN versions v ON v.no = s.customer
  WHERE CASE WHEN {time} IS NULL THEN v.back = 1
             ELSE v.place = greatest(1, (SELECT count(*) FROM versions w
                                         WHERE w.no = s.customer AND w.since <= {time})) END
)
SELECT {levels}, sum(s.amount), count(*), count(DISTINCT n.no), year(s.day)
FROM sales s LEFT JOIN seen v ON v.id = s.id LEFT JOIN newest n ON n.no = s.customer
GROUP BY {groups}, year(s.day)
"""


def write(folder, dice):
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    rows = []
    for number in range(CUSTOMERS):
        city, tier = dice.choice(list(CITIES)), dice.choice("ABC")
        for since in sorted(dice.sample(range(DAYS), dice.randint(1, 6))):
            at = f"{FIRST + timedelta(days=since)} {dice.choice(['00:00:00', '12:30:00'])}"
            if dice.random() < 0.5:
                city = dice.choice(list(CITIES))
            if dice.random() < 0.3:
                tier = dice.choice("ABC")
            name = f"Customer {number}{dice.choice(['', ' Ltd'])}"
            rows.append(f"C{number},{at},{name},{city},{CITIES[city]},{tier}")
    dice.shuffle(rows)
    lines = []
    for number in range(SALES):
        day = FIRST + timedelta(days=dice.randrange(-60, DAYS + 60))
        at = f"{day} {dice.choice(['00:00:00', '12:30:00', '23:00:00'])}"
        shown, when = (day, at) if dice.random() < 0.95 else ("", "")
        lines.append(
            f"{number},{shown},{when},C{dice.randrange(CUSTOMERS + 3)},{dice.randrange(10000) / 100:.2f}"
        )
    data = folder / "data"
    data.mkdir()
    head = "no,since,name,city,country,tier"
    (data / "customers.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    head = "id,day,sold,customer,amount"
    (data / "sales.csv").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")


def text(value):
    return "" if value is None else str(value)


def expected(files, time, levels):
    shown = [f"coalesce(v.{level}, '(unknown)')" for level in levels]
    sql = SEEN.format(time=time, levels=", ".join(shown), groups=", ".join(shown))
    return sorted([text(cell) for cell in row] for row in files.sql(sql).fetchall())


def found(starling, cube, role, levels):
    shown = ", ".join(f"{role}_{level}" for level in levels)
    sql = (
        f"SELECT {shown}, AGG(revenue), AGG(lines), AGG(buyers), "
        f"NULLIF(date_year, '(unknown)') FROM cubes.\"{cube}\" GROUP BY {shown}, date_year"
    )
    return sorted(starling.sql(sql))


def compare(starling, files, dice, checks):
    days = [str(FIRST + timedelta(days=dice.randrange(-10, DAYS + 10))) for _ in range(4)]
    for levels in (["city"], ["tier"], ["country", "city"], ["city", "tier"]):
        cases = [("sales", "customer", "s.day"), ("sales", "ship_customer", "s.sold")]
        cases.append(("sales$as_is", "customer", "CAST(NULL AS TIMESTAMP)"))
        cases.extend((f"sales$as_of_{day}", "customer", f"TIMESTAMP '{day}'") for day in days)
        for cube, role, time in cases:
            what = f"{cube} by {role} {levels}"
            checks.equal(what, found(starling, cube, role, levels), expected(files, time, levels))


def properties(starling, checks):
    """What holds without knowing a single number."""
    for level in ("customer_customer", "date_year"):
        # What keeps no history is the same however it is read, and so are totals.
        sql = (
            f"SELECT {level}, AGG(revenue), AGG(buyers), AGG(mean), AGG(revenue_prior_year) "
            "FROM cubes.\"{}\" GROUP BY ROLLUP ({}) ORDER BY 1"
        )
        was = starling.sql(sql.format("sales", level))
        for cube in ("sales$as_was", "sales$as_is", "sales$as_of_2020-05-05"):
            checks.equal(f"{cube} by {level}", starling.sql(sql.format(cube, level)), was)
    gaps = """SELECT count(*) FROM (
      SELECT valid_to, lead(valid_from) OVER (PARTITION BY record ORDER BY valid_from) AS next
      FROM customer) AS v WHERE next IS NOT NULL AND next <> valid_to"""
    checks.equal("versions without a gap", starling.sql(gaps), [["0"]])
    current = "SELECT count(*) FROM customer WHERE is_current AND customer_key > 0"
    checks.equal("one current version", starling.sql(current), [[str(CUSTOMERS)]])


def main():
    binary, *seed = sys.argv[1:]
    seed = int(seed[0]) if seed else 7
    dice = random.Random(seed)
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, dice)
        starling = Starling(binary, name, str(folder / "wh"))
        starling.run("load", "--quiet")
        files = duckdb.connect()
        for table in ("customers", "sales"):
            path = folder / "data" / f"{table}.csv"
            files.execute(f"CREATE TABLE {table} AS FROM read_csv('{path}', header = true)")
        files.execute("ALTER TABLE sales ALTER amount TYPE DECIMAL(10,2)")
        compare(starling, files, dice, checks)
        properties(starling, checks)
    print(f"seed {seed}")
    checks.finish()


if __name__ == "__main__":
    main()
