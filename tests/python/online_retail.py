"""Loads examples/online-retail and compares it with figures computed here from the raw files.

usage: online_retail.py BINARY PROJECT DATA WORKDIR
"""

import csv
import glob
import gzip
import os
import sys
from collections import Counter, defaultdict
from decimal import Decimal

from starling import Checks, Starling

binary, project, data, work = sys.argv[1:]
environment = {**os.environ, "STARLING_DATA": data}
starling = Starling(binary, project, os.path.join(work, "wh"), environment)
starling.run("load")

lines = []
for path in sorted(glob.glob(os.path.join(data, "online-retail", "*.csv.gz"))):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            row["file"] = os.path.basename(path)
            lines.append(row)

checks = Checks()


def amount(row):
    return int(row["Quantity"]) * Decimal(row["UnitPrice"])


def one(query):
    return starling.sql(query)[0]


loaded = one("SELECT count(*), sum(quantity), sum(amount) FROM warehouse.sales")
quarantined = one(
    "SELECT count(*) FROM system.quarantine WHERE table_name = 'sales'"
)
counts = one(
    "SELECT rows_in, rows_loaded + rows_quarantined + rows_dropped FROM system.loads "
    "WHERE table_name = 'sales'"
)
checks.equal("lines", counts, [str(len(lines))] * 2)
checks.equal("loaded", int(loaded[0]) + int(quarantined[0]), len(lines))
checks.equal("quantity", int(loaded[1]), sum(int(row["Quantity"]) for row in lines))
checks.equal("amount", Decimal(loaded[2]), sum(map(amount, lines)))
checks.equal("the published total", Decimal(loaded[2]), Decimal("9747747.934"))

repeated = Counter(tuple(v for k, v in row.items() if k != "file") for row in lines)
checks.equal(
    "duplicates",
    one("SELECT rows FROM system.load_rules WHERE table_name = 'sales' AND rule = 'duplicate'"),
    [str(sum(count - 1 for count in repeated.values()))],
)
checks.equal(
    "lines without a customer",
    one("SELECT count(*) FROM warehouse.sales WHERE customer_key = -1"),
    [str(sum(1 for row in lines if not row["CustomerID"]))],
)
checks.equal(
    "customers, invoices",
    one("SELECT AGG(customers), AGG(invoices) FROM cubes.sales"),
    [
        str(len({row["CustomerID"] for row in lines if row["CustomerID"]})),
        str(len({row["InvoiceNo"] for row in lines})),
    ],
)

by_country = defaultdict(lambda: [Decimal(0), 0, set(), Decimal(0)])
for row in lines:
    cell = by_country[(row["Country"].strip(), row["InvoiceDate"][:7])]
    cell[0] += amount(row)
    cell[1] += 1
    cell[2].add(row["InvoiceNo"])
    if row["InvoiceNo"].startswith("C"):
        cell[3] += amount(row)
found = starling.sql(
    "SELECT region_country, date_month, AGG(amount), AGG(lines), AGG(invoices), "
    "coalesce(AGG(cancelled), 0) FROM cubes.sales GROUP BY 1, 2"
)
checks.equal(
    "cells by country and month",
    {(c, m): [Decimal(a), int(n), int(i), Decimal(x)] for c, m, a, n, i, x in found},
    {key: [a, n, len(i), x] for key, (a, n, i, x) in by_country.items()},
)
positions = starling.sql("SELECT file, min(line), max(line), count(*) FROM warehouse.sales GROUP BY 1")
per_file = Counter(row["file"] for row in lines)
checks.equal(
    "every row of every file",
    {file: (int(low), int(count)) for file, low, _, count in positions},
    {file: (2, count) for file, count in per_file.items()},
)

with open(os.path.join(data, "crm-pipeline", "sales_pipeline.csv"), newline="") as file:
    deals = list(csv.DictReader(file))
with open(os.path.join(data, "crm-pipeline", "sales_teams.csv"), newline="") as file:
    office = {row["sales_agent"]: row["regional_office"] for row in csv.DictReader(file)}
by_office = defaultdict(lambda: [0, 0, Decimal(0)])
for deal in deals:
    cell = by_office[(office[deal["sales_agent"]], deal["deal_stage"])]
    cell[0] += 1
    if deal["deal_stage"] == "Won":
        cell[1] += 1
        cell[2] += Decimal(deal["close_value"])
found = starling.sql(
    "SELECT team_office, deal_stage, AGG(deals), AGG(won), coalesce(AGG(won_value), 0) "
    "FROM cubes.pipeline GROUP BY 1, 2"
)
checks.equal(
    "deals by office and stage",
    {(o, s): [int(n), int(w), Decimal(v)] for o, s, n, w, v in found},
    dict(by_office),
)
checks.equal(
    "won deals",
    [Decimal(v) for v in one("SELECT AGG(won), AGG(won_value) FROM cubes.pipeline")],
    [Decimal(4238), Decimal(10005534)],
)
checks.equal(
    "every deal has its product and agent",
    starling.sql("SELECT count(*) FROM warehouse.opportunity WHERE item_key < 0 OR team_key < 0"),
    [["0"]],
)
checks.equal(
    "open deals have no close date",
    one("SELECT count(*) FROM warehouse.opportunity WHERE close_date_key = -2"),
    [str(sum(1 for deal in deals if deal["deal_stage"] in ("Prospecting", "Engaging")))],
)
checks.finish()
