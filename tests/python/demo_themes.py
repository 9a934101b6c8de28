"""The themes of the demo company: which cube says what a page of its truth says."""

RECEIVABLES = ["invoices", "invoiced", "payments", "base_paid_amount", "settled", "outstanding"]
COLLECTION = ["invoices", "invoiced", "payments", "paid", "settled", "outstanding"]
DEALS = ["opportunities", "base_amount", "won", "orders", "base_net_amount"]
PIPELINE_AND_ORDERS = ["opportunities", "amount", "won", "orders", "ordered"]
BALANCES = ["rows", "in_qty", "out_qty", "bal_qty", "bal_val"]
STOCK = ["balances", "received", "issued", "closing_balance", "closing_value"]
RESPONSES = ["responses", "people", "accounts", "responders", "meetings", "unsubscribed"]

# Cube, levels, measures; page of truth, columns of its key, figures.
THEMES = [
    (
        "orders",
        ["date_month"],
        ["quantity", "ordered", "lines", "orders"],
        "order_by_month",
        ["month"],
        ["qty", "base_net_amount", "lines", "orders"],
    ),
    ("collection", ["date_month"], COLLECTION, "receivable_by_month", ["month"], RECEIVABLES),
    ("collection", ["due_date_month"], COLLECTION, "receivable_by_due_month", ["due_month"], RECEIVABLES),
    ("collection", ["customer_name_key"], COLLECTION, "receivable_by_customer", ["customer"], RECEIVABLES),
    (
        "returns",
        ["date_month", "reason"],
        ["returns", "returned_quantity", "returned"],
        "return_by_month_reason",
        ["month", "reason"],
        ["returns", "qty", "base_net_amount"],
    ),
    ("stock", ["date_month", "warehouse"], STOCK, "stock_by_month_warehouse", ["month", "warehouse"], BALANCES),
    (
        "stages",
        ["date_month", "to_stage"],
        ["moves", "opportunities", "total_days"],
        "stage_move_by_month_stage",
        ["month", "to_stage"],
        ["moves", "opportunities", "days_in_stage"],
    ),
    ("deals", ["date_month"], PIPELINE_AND_ORDERS, "deal_by_month", ["month"], DEALS),
    ("deals", ["customer_country_key"], PIPELINE_AND_ORDERS, "deal_by_country", ["country_code"], DEALS),
    ("marketing", ["campaign_name_key"], RESPONSES, "response_by_campaign", ["campaign"], RESPONSES),
    (
        "service",
        ["date_month", "kind"],
        ["cases", "open_cases", "accounts", "answered"],
        "service_case_by_month_kind",
        ["month", "kind"],
        ["cases", "open_cases", "accounts", "answered"],
    ),
    (
        "satisfaction",
        ["date_month", "channel"],
        ["answers", "happy"],
        "survey_by_month_channel",
        ["month", "channel"],
        ["answers", "happy"],
    ),
    # A cube over cubes says what each of them says.
    (
        "attainment",
        ["date_month", "department_name_key"],
        ["target"],
        "target_by_month_department",
        ["month", "department"],
        ["target_amount"],
    ),
    (
        "attainment",
        ["department_name_key", "date_quarter"],
        ["revenue"],
        "sales_by_department_quarter",
        ["department", "quarter"],
        ["base_net_amount"],
    ),
]
