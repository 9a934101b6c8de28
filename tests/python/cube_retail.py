"""The retail calendar as SQL of DuckDB: years of whole weeks in quarters of 13."""

WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()


def retail_years(retail):
    """The years, each with its first and last day."""
    month, day = retail.near.split("-")
    first = WEEKDAYS.index(retail.first_day) + 1
    # A year starts on that weekday nearest to the day: up to three days before or after it.
    near = f"make_date(y, {int(month)}, {int(day)})"
    since = f"(isodow({near}) + 7 - {first}) % 7"
    start = f"{near} - CAST(CASE WHEN {since} <= 3 THEN {since} ELSE {since} - 7 END AS INTEGER)"
    return (
        f"SELECT y AS ry, starts, lead(starts) OVER (ORDER BY y) - 1 AS ends "
        f"FROM (SELECT y, {start} AS starts FROM range(1990, 2060) r(y))"
    )


def retail_columns(retail):
    """Key and caption of every level on `day` of the year `ry`."""
    one, two, _ = (int(weeks) for weeks in retail.pattern.split("-"))
    week = "((day - starts) // 7 + 1)"
    # Week 53 is in the last quarter and month.
    quarter = f"(least(({week} - 1) // 13, 3) + 1)"
    of_quarter = f"({week} - 13 * ({quarter} - 1))"
    month = (
        f"CASE WHEN {of_quarter} <= {one} THEN 1 WHEN {of_quarter} <= {one + two} THEN 2 ELSE 3 END"
    )
    month = f"(3 * ({quarter} - 1) + {month})"
    return {
        "retail_year": ("ry", "'RY' || ry"),
        "retail_quarter": (f"ry * 10 + {quarter}", f"'RY' || ry || '-Q' || {quarter}"),
        "retail_month": (
            f"ry * 100 + {month}",
            f"'RY' || ry || '-M' || lpad({month}::VARCHAR, 2, '0')",
        ),
        "retail_week": (
            f"ry * 100 + {week}",
            f"'RY' || ry || '-W' || lpad({week}::VARCHAR, 2, '0')",
        ),
    }
