"""Loads the demo project and compares what the warehouse says with what the generator wrote down.

Usage: demo_truth.py BINARY PROJECT WORKDIR
"""

import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

sys.dont_write_bytecode = True
from demo_themes import THEMES
from starling_demo import Fixtures, Report, Starling, plain

UNKNOWN = "(unknown)"
NOTHING = ("", "N/A", "NULL")

# Source tables by the table of the warehouse that they feed.
TARGETS = {
    "region": ["erp.region"],
    "item_group": ["erp.item_group"],
    "product": ["erp.item"],
    "department": ["erp.department"],
    "employee": ["erp.employee", "crm.user"],
    "customer": ["erp.customer", "crm.account"],
    "territory": ["crm.territory"],
    "industry": ["crm.industry"],
    "contact": ["crm.contact"],
    "campaign": ["crm.campaign"],
    "exchange_rate": ["erp.exchange_rate"],
    "sales_order": ["erp.sales_order"],
    "order_line": ["erp.sales_order_item"],
    "invoice": ["erp.sales_invoice"],
    "sales": ["erp.sales_invoice_item"],
    "payment": ["erp.payment"],
    "sales_return": ["erp.sales_return"],
    "stock": ["erp.stock_balance"],
    "target": ["erp.sales_target"],
    "campaign_response": ["crm.campaign_response"],
    "lead": ["crm.lead"],
    "opportunity": ["crm.opportunity"],
    "opportunity_stage": ["crm.opportunity_stage_history"],
    "call": ["crm.call"],
    "service_case": ["crm.service_case"],
    "contract": ["crm.contract"],
    "survey": ["survey.survey"],
}

# Where each source table's rows are found: table, columns of the natural key, record_source.
ROWS = {
    "erp.region": ("region", ["county_code"]),
    "erp.item": ("product", ["item_code"]),
    "erp.employee": ("employee", ["employee_no"]),
    "erp.customer": ("customer", ["number"]),
    "erp.exchange_rate": ("exchange_rate", ["rate_date", "from_currency", "to_currency"]),
    "erp.sales_order": ("sales_order", ["order_no"]),
    "erp.sales_order_item": ("order_line", ["order_no", "line_no"]),
    "erp.sales_invoice": ("invoice", ["invoice_no"]),
    "erp.sales_invoice_item": ("sales", ["invoice_no", "line_no"]),
    "erp.payment": ("payment", ["payment_no"]),
    "erp.sales_return": ("sales_return", ["return_no"]),
    "erp.stock_balance": ("stock", ["posting_date", "item_code", "warehouse"]),
    "erp.sales_target": ("target", ["target_month", "department_code", "group_code"]),
    "crm.account": ("customer", ["number"]),
    "crm.contact": ("contact", ["contact_no"]),
    "crm.campaign_response": ("campaign_response", ["response_no"]),
    "crm.lead": ("lead", ["lead_no"]),
    "crm.opportunity": ("opportunity", ["opportunity_no"]),
    "crm.opportunity_stage_history": ("opportunity_stage", ["change_no"]),
    "crm.call": ("call", ["call_no"]),
    "crm.service_case": ("service_case", ["case_no"]),
    "crm.contract": ("contract", ["contract_no"]),
    "survey.survey": ("survey", ["survey_no"]),
}

# By source table: the columns in which an unknown member shows, and the value that shows it.
UNKNOWNS = {
    "erp.item": {"item_group": "group_code"},
    "erp.customer": {"county_code": "county_code"},
    "erp.sales_order": {"customer": "customer_key", "sales_person": "employee_key"},
    "erp.sales_order_item": {"item_code": "product_key"},
    "erp.sales_invoice": {
        "customer": "customer_key",
        "sales_person": "employee_key",
        "billing_county_code": "billing_region_key",
        "shipping_county_code": "shipping_region_key",
    },
    "erp.sales_invoice_item": {"item_code": "product_key"},
    "erp.payment": {"party": "customer_key"},
    "erp.sales_return": {"customer": "customer_key", "item_code": "product_key"},
    "erp.stock_balance": {"item_code": "product_key"},
    "erp.sales_target": {"department": "department_key", "item_group": "item_group_key"},
    "crm.account": {"industry": "industry_code", "billing_county_code": "county_code"},
    "crm.contact": {"account_id": "account_no"},
    "crm.campaign_response": {"contact_id": "contact_key"},
    "crm.lead": {"industry": "industry_key"},
    "crm.opportunity": {"account_id": "customer_key"},
    "crm.call": {"account_id": "customer_key"},
    "crm.service_case": {"account_id": "customer_key", "product_code": "product_key"},
    "crm.contract": {"account_id": "customer_key"},
    "survey.survey": {"account_id": "customer_key"},
}


def currency(value):
    return {"RMB": "CNY"}.get(plain(value).upper(), plain(value).upper())


def stage(value):
    return {"won": "closed_won"}.get(plain(value).lower(), plain(value).lower())


def upper(value):
    return plain(value).upper()


def lower(value):
    return plain(value).lower()


# Where a repaired value is found, and what it must be there. A key column of a fact is given with
# the dimension and the column of it that must hold the value.
REPAIRS = {
    ("erp.region", "county_zh"): ("county_zh", plain),
    ("erp.item", "item_group"): ("group_code", lower),
    ("erp.item", "item_name"): ("item_en", plain),
    ("erp.item", "brand"): ("brand", plain),
    ("erp.employee", "employee_name"): ("name_en", plain),
    ("erp.employee", "department"): ("department_code", upper),
    ("erp.customer", "tax_id"): ("tax_no", plain),
    ("erp.customer", "customer_name"): ("name_zh", plain),
    ("erp.customer", "email_id"): ("email", plain),
    ("erp.customer", "customer_group"): ("group_code", lower),
    ("erp.exchange_rate", "from_currency"): ("from_currency", currency),
    ("erp.sales_order", "delivery_date"): ("delivery_date_key", lambda value: "-1"),
    ("erp.sales_order", "currency"): ("currency", currency),
    ("erp.sales_order", "po_no"): ("purchase_order_no", plain),
    ("erp.sales_order_item", "item_code"): ("product_key", upper, "product", "item_code"),
    ("erp.sales_invoice", "currency"): ("currency", currency),
    ("erp.sales_invoice_item", "item_code"): ("product_key", upper, "product", "item_code"),
    ("erp.sales_invoice_item", "warehouse"): ("warehouse", plain),
    ("erp.payment", "mode_of_payment"): ("mode", plain),
    ("erp.payment", "currency"): ("currency", currency),
    ("erp.sales_return", "reason"): ("reason", lower),
    ("erp.stock_balance", "warehouse"): ("warehouse", plain),
    ("erp.stock_balance", "item_code"): ("product_key", upper, "product", "item_code"),
    ("erp.sales_target", "department"): ("department_key", upper, "department", "department_code"),
    ("crm.account", "tax_no"): ("tax_no", plain),
    ("crm.account", "industry"): ("industry_code", lower),
    ("crm.account", "name"): ("name_zh", lambda value: " ".join(value.split())),
    ("crm.contact", "last_name"): ("name_en", plain),
    ("crm.contact", "email"): ("email", plain),
    ("crm.campaign_response", "response_type"): ("response", lower),
    ("crm.lead", "lead_source"): ("lead_source", plain),
    ("crm.lead", "industry"): ("industry_key", lower, "industry", "industry_code"),
    ("crm.opportunity", "sales_stage"): ("stage", stage),
    ("crm.opportunity", "currency"): ("currency", currency),
    ("crm.opportunity_stage_history", "to_stage"): ("to_stage", stage),
    ("crm.call", "status"): ("status", plain),
    ("crm.service_case", "priority"): ("priority", upper),
    ("crm.contract", "currency"): ("currency", currency),
    ("survey.survey", "channel"): ("channel", lower),
}

# Columns of no level: what is unknown is NULL there.
ATTRIBUTES = {("erp.customer", "county_code"), ("crm.account", "county_code"), ("crm.contact", "account_no")}
# Captions of these may carry what tells them from others, in brackets behind.
TOLD_APART = {"name_en", "name_zh", "item_en", "county_zh"}
# Level columns say unknown where others are NULL.
LEVEL_COLUMNS = {"brand"}


def number(text):
    """A figure; none where nothing adds up to it."""
    return Decimal(text) if text else None


def is_unknown(source_table, column, value):
    return value in (("",) if (source_table, column) in ATTRIBUTES else ("-1", UNKNOWN))


class Check:
    def __init__(self, binary, project, warehouse):
        self.starling = Starling(binary, project, warehouse)
        self.fixtures = Fixtures(Path(project) / "fixtures")
        self.totals = self.fixtures.totals()
        self.defects = self.fixtures.truth("defects")
        self.report = Report()
        self.tables = {}
        self.indexes = {}

    def run(self):
        print(self.starling.load(), end="")
        again = self.starling.load()
        self.report.equal("a second load publishes", "published" in again, False)
        self.counts()
        self.sales()
        self.other_facts()
        self.themes()
        self.sums()
        self.quarantined()
        self.unknown()
        self.repaired_and_dropped()
        return self.report.finish("truth")

    def table(self, name):
        if name not in self.tables:
            self.tables[name] = self.starling.rows(f'SELECT * FROM warehouse."{name}"')
        return self.tables[name]

    def members(self, dimension):
        """The rows of a dimension by version key."""
        key = f"{dimension}_key"
        return {row[key]: row for row in self.table(dimension)}

    def found(self, source_table, key):
        """The loaded rows that a natural key names, as it is written in the source."""
        table, columns = ROWS[source_table]
        if source_table not in self.indexes:
            index = defaultdict(list)
            source = source_table.split(".", maxsplit=1)[0]
            for row in self.table(table):
                if row.get("record_source", source) == source:
                    index[tuple(upper(row[column]) for column in columns)].append(row)
            self.indexes[source_table] = index
        return self.indexes[source_table][tuple(upper(part) for part in key.split("/"))]

    # Counts

    def counts(self):
        loads = {row["table_name"]: row for row in self.starling.rows("SELECT * FROM system.loads")}
        rules = defaultdict(int)
        for row in self.starling.rows("SELECT * FROM system.load_rules"):
            rules[row["table_name"], row["outcome"], row["rule"]] += int(row["rows"])
        self.report.equal("loaded tables", set(loads), set(TARGETS))
        covered = {source for sources in TARGETS.values() for source in sources}
        self.report.equal("tables with totals", covered, set(self.totals["tables"]))
        for target, sources in TARGETS.items():
            load = loads[target]
            # Looked-up rows that cannot be read are counted here too, though they are no rows of it.
            looked_up = rules[target, "quarantined", "lookup type"]
            duplicates = rules[target, "dropped", "duplicate"]
            repeated = rules[target, "dropped", "repeated record"]
            got = {
                "written": int(load["rows_in"]) - looked_up,
                "loaded": int(load["rows_loaded"]),
                "quarantined": int(load["rows_quarantined"]) - looked_up,
                "dropped_duplicate": duplicates,
                "dropped_by_rule": int(load["rows_dropped"]) - duplicates,
            }
            self.report.equal(f"{target} repeated", repeated, 0)
            for count, value in got.items():
                want = sum(self.totals["tables"][source][count] for source in sources)
                self.report.equal(f"{target} {count}", value, want)
            rows = self.table(target)
            in_table = [row for row in rows if row.get(f"{target}_key") not in ("-1", "-2")]
            self.report.equal(f"{target} rows", len(in_table), int(load["rows_loaded"]) - self.merged(target))
        for source_table in ("erp.customer", "crm.account"):
            source = source_table.split(".", maxsplit=1)[0]
            rows = sum(row["record_source"] == source for row in self.table("customer"))
            self.report.equal(f"{source_table} members", rows, self.totals["tables"][source_table]["loaded"])

    def merged(self, target):
        """Rows that give no member of their own: users of the CRM are employees."""
        return self.totals["tables"]["crm.user"]["loaded"] if target == "employee" else 0

    # Truth

    def measured(self, name, truth_columns, measures, query, pick=lambda row: True):
        """Compares an answer with a truth file: first the columns of its key, then `measures`."""
        want = {}
        for row in filter(pick, self.fixtures.truth(name)):
            key = tuple(row[column] for column in truth_columns)
            want[key] = tuple(number(row[measure]) for measure in measures)
        _, rows = self.starling.sql(query)
        width = len(truth_columns)
        got = {}
        for row in rows:
            key = tuple(part.removeprefix("erp/") for part in row[:width])
            got[key] = tuple(number(value) for value in row[width:])
        self.report.equal(f"{name} groups", len(rows), len(want))
        for key in sorted(set(got) | set(want)):
            self.report.equal(f"{name} {'/'.join(key)}", got.get(key), want.get(key))

    def sales(self):
        measures = ["qty", "base_net_amount", "lines", "invoices"]

        def query(*levels):
            groups = ", ".join(levels)
            shown = "AGG(quantity), AGG(revenue), AGG(lines), AGG(invoices)"
            return f"SELECT {groups}, {shown} FROM cubes.sales GROUP BY {groups}"

        self.measured(
            "sales_by_month_country",
            ["month", "billing_country_code"],
            measures,
            query("date_month", "billing_region_country_key"),
        )
        self.measured(
            "sales_by_item_group_year",
            ["parent_item_group", "item_group", "year"],
            measures,
            query("product_category_key", "product_group_key", "date_year"),
        )
        self.measured(
            "sales_by_department_quarter",
            ["department", "quarter"],
            measures,
            query("department_name_key", "date_quarter"),
        )
        self.measured("sales_by_customer", ["customer"], measures, query("customer_name_key"))
        for role in ("billing", "shipping"):
            self.measured(
                "sales_by_county",
                ["county_code"],
                measures,
                query(f"{role}_region_county_key"),
                lambda row, role=role: row["role"] == role,
            )

    def other_facts(self):
        self.measured(
            "opportunity_by_stage",
            ["sales_stage"],
            ["opportunities", "base_amount"],
            "SELECT stage, AGG(opportunities), AGG(amount) FROM cubes.pipeline GROUP BY stage",
        )
        self.measured(
            "opportunity_by_industry",
            ["industry"],
            ["opportunities", "base_amount"],
            "SELECT customer_industry_key, AGG(opportunities), AGG(amount) FROM cubes.pipeline "
            "GROUP BY customer_industry_key",
        )
        self.measured(
            "target_by_month_department",
            ["month", "department"],
            ["target_amount", "rows"],
            "SELECT date_month, department_name_key, AGG(target), AGG(targets) FROM cubes.targets "
            "GROUP BY date_month, department_name_key",
        )

    def themes(self):
        for cube, levels, measures, page, key, figures in THEMES:
            groups = ", ".join(levels)
            shown = ", ".join(f"AGG({measure})" for measure in measures)
            query = f"SELECT {groups}, {shown} FROM cubes.{cube} GROUP BY {groups}"
            self.measured(page, key, figures, query)

    def sums(self):
        sales = self.totals["sales"]
        self.total(
            "sales",
            [sales[name] for name in ("lines", "invoices", "customers", "items", "qty", "base_net_amount")],
            "SELECT AGG(lines), AGG(invoices), AGG(buyers), AGG(items_sold), AGG(quantity), AGG(revenue) "
            "FROM cubes.sales",
        )
        rows = self.starling.rows(
            "SELECT currency, count(*) AS lines, sum(net_amount) AS net_amount, "
            "sum(base_net_amount) AS base_net_amount FROM warehouse.sales GROUP BY currency"
        )
        self.report.equal("currencies", {row["currency"] for row in rows}, set(sales["by_currency"]))
        for row in rows:
            want = sales["by_currency"].get(row["currency"], {})
            for name in ("lines", "net_amount", "base_net_amount"):
                got, wanted = Decimal(row[name]), Decimal(str(want.get(name, "NaN")))
                self.report.equal(f"sales in {row['currency']} {name}", got, wanted)
        for part, columns, query in (
            ("orders", ["lines", "base_net_amount"], "SELECT AGG(lines), AGG(ordered) FROM cubes.orders"),
            ("payments", ["rows", "base_paid_amount"], "SELECT AGG(payments), AGG(paid) FROM cubes.payments"),
            (
                "returns",
                ["rows", "qty", "base_net_amount"],
                "SELECT AGG(returns), AGG(returned_quantity), AGG(returned) FROM cubes.returns",
            ),
            ("targets", ["rows", "target_amount"], "SELECT AGG(targets), AGG(target) FROM cubes.targets"),
            (
                "opportunities",
                ["rows", "won", "base_amount"],
                "SELECT AGG(opportunities), AGG(won), AGG(amount) FROM cubes.pipeline",
            ),
            (
                "stock_2025_12",
                ["rows", "bal_qty", "bal_val"],
                "SELECT AGG(balances), AGG(closing_balance), AGG(closing_value) FROM cubes.stock "
                "WHERE date_month = '2025-12'",
            ),
        ):
            self.total(part, [self.totals[part][column] for column in columns], query)

    def total(self, what, want, query):
        _, [row] = self.starling.sql(query)
        self.report.equal(f"total {what}", [Decimal(v) for v in row], [Decimal(str(v)) for v in want])

    # Defects

    def quarantined(self):
        want = set()
        for defect in self.defects:
            if defect["outcome"] == "quarantined":
                want.add((f"{defect['source']}.{defect['table']}", self.line(defect)))
        got = {
            (f"{row['source']}.{row['source_table']}", int(row["source_line"]))
            for row in self.starling.rows("SELECT source, source_table, source_line FROM system.quarantine")
        }
        self.report.equal("rows in quarantine", len(got), len(want))
        for place in sorted(got ^ want):
            self.report.fail(f"quarantine {place}: {'not planned' if place in got else 'missing'}")
        columns = {
            (f"{row['source']}.{row['source_table']}", int(row["source_line"])): row
            for row in self.starling.rows("SELECT * FROM system.quarantine WHERE rule IN ('type', 'cast')")
        }
        for defect in self.defects:
            if defect["kind"] in ("bad_date", "non_numeric"):
                place = (f"{defect['source']}.{defect['table']}", self.line(defect))
                self.report.equal(f"value at {place}", columns.get(place, {}).get("value"), defect["value"])

    def line(self, defect):
        """The position of the defect's row as the source counts it."""
        row = int(defect["row"])
        if defect["source"] != "erp":
            return row
        key = f"lines of {defect['table']}"
        if key not in self.tables:
            self.tables[key] = self.fixtures.csv_table(defect["table"])[1]
        return self.tables[key][row - 1]

    def unknown(self):
        for source_table, columns in UNKNOWNS.items():
            table, _ = ROWS[source_table]
            source = source_table.split(".", maxsplit=1)[0]
            own = [
                row
                for row in self.table(table)
                if row.get("record_source", source) == source and row.get(f"{table}_key") not in ("-1", "-2")
            ]
            rows = sum(any(is_unknown(source_table, c, row[c]) for c in columns.values()) for row in own)
            want = self.totals["tables"][source_table]["with_unknown"]
            self.report.equal(f"{source_table} rows with an unknown member", rows, want)
        for defect in self.defects:
            if defect["outcome"] != "unknown":
                continue
            source_table = f"{defect['source']}.{defect['table']}"
            column = UNKNOWNS[source_table][defect["column"]]
            values = [row[column] for row in self.found(source_table, defect["key"])]
            if len(values) != 1 or not is_unknown(source_table, column, values[0]):
                self.report.fail(f"{source_table} {defect['key']} {defect['column']}: {values}, not unknown")
            self.report.compared += 1

    def repaired_and_dropped(self):
        for defect in self.defects:
            source_table = f"{defect['source']}.{defect['table']}"
            if defect["outcome"] not in ("repaired", "dropped"):
                continue
            rows = self.found(source_table, defect["key"])
            what = f"{source_table} {defect['key']} {defect['column']}"
            self.report.equal(f"{what} rows", len(rows), 1)
            if len(rows) != 1 or defect["outcome"] == "dropped":
                continue
            column, clean, *through = REPAIRS[source_table, defect["column"]]
            value = rows[0][column]
            if through:
                dimension, attribute = through
                value = self.members(dimension)[value][attribute]
            want = clean(defect["value"])
            if defect["value"] in NOTHING and want == defect["value"]:
                want = UNKNOWN if column in LEVEL_COLUMNS else ""
            if column == "name_en" and source_table == "crm.contact":
                self.report.equal(what, value.split(" (")[0].endswith(f" {want}"), True)
            elif column in TOLD_APART:
                self.report.equal(what, value.split(" (")[0] in (want, want.split(" (")[0]), True)
            else:
                self.report.equal(what, value, want)


def main():
    binary, project, work = sys.argv[1:4]
    warehouse = Path(work) / "wh"
    Path(work).mkdir(parents=True, exist_ok=True)
    return Check(binary, project, warehouse).run()


if __name__ == "__main__":
    sys.exit(main())
