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
        f"FROM (SELECT y, {start} AS starts FROM range(1930, 2100) r(y))"
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


def retail_year_of(day, retail, edge):
    """The first or last day of the retail year that a day is in."""
    return f"(SELECT {edge} FROM ({retail_years(retail)}) WHERE {day} BETWEEN starts AND ends)"


def retail_days(retail):
    """Every day that may be looked at, with where it stands: a table to look days up in."""
    columns = retail_columns(retail)
    month = f"(ry * 12 + {columns['retail_month'][0]} - ry * 100 - 1)"
    spans = ", ".join(
        f"min(day) OVER (PARTITION BY {columns[f'retail_{level}'][0]}) AS {level}_start"
        for level in ("year", "quarter", "month", "week")
    )
    month_end = f"max(day) OVER (PARTITION BY {columns['retail_month'][0]}) AS month_end"
    days = f"SELECT unnest(range(starts::TIMESTAMP, (ends + 1)::TIMESTAMP, INTERVAL 1 DAY))::DATE AS day, * FROM ({retail_years(retail)})"
    return (
        "CREATE TABLE retail_days AS SELECT *, day - month_start AS into_month FROM "
        f"(SELECT day, {month} AS month, {spans}, {month_end} FROM ({days} WHERE ends IS NOT NULL));\n"
    )


# --- calculations in cells of the retail calendar

MONTHS = {"retail_month": 1, "retail_quarter": 3, "retail_year": 12}
DAYS = {"day": 1, "retail_week": 7}
STARTS = {"wtd": "week", "mtd": "month", "qtd": "quarter", "ytd": "year"}
# Conditions on a day `t` of the other month for a day `d`, of which the last counts.
LAST_DAY = "t.into_month <= d.into_month"
LAST_WEEK = f"{LAST_DAY} AND (d.day - t.day) % 7 = 0"
NOWHERE = "t.into_month = d.into_month"

END = "least(b.last_day, (SELECT month_end FROM retail_days WHERE day = (SELECT last FROM span)))"


def retail_shift(series, period, is_of_weeks, tells_weekdays):
    """Every day and where it moves to; None when the cell has no period."""
    months = 12 if series.startswith("prior_year") else MONTHS.get(period)
    if months is None:
        if period is None:
            return None
        return f"SELECT day, day + {DAYS[period]} AS moved FROM retail_days"
    rule = LAST_WEEK if tells_weekdays else LAST_DAY
    if series.startswith("prior_year") and is_of_weeks:
        rule = NOWHERE
    on = f"t.month = d.month + {months} AND {rule}"
    return (
        f"SELECT d.day, max(t.day) AS moved FROM retail_days d JOIN retail_days t ON {on} GROUP BY 1"
    )


def looked_up(column, day):
    return f"(SELECT {column} FROM retail_days WHERE day = {day})"


def retail_window(series, period, is_of_weeks):
    """First and last contributing day of a series that is a window, over the bounds `b` of a cell."""
    if series == "ytd_prior_year":
        whole = "" if is_of_weeks else " OR d.day = d.month_end"
        on = f"t.month = d.month - 12 AND ({LAST_DAY}{whole})"
        back = f"FROM retail_days d JOIN retail_days t ON {on} WHERE d.day = {END}"
        return f"(SELECT min(t.year_start) {back})", f"(SELECT max(t.day) {back})"
    if series in STARTS:
        return looked_up(f"{STARTS[series]}_start", END), END
    name, _, size = series.rpartition("_")
    if name == "rolling":
        months = int(size[:-1]) * {"m": 1, "q": 3, "y": 12}[size[-1]]
        # The same day of that month, or the first day of the next one.
        found = [
            f"(SELECT min(t.day) FROM retail_days d JOIN retail_days t ON {on} WHERE d.day = {END} + 1)"
            for on in (
                f"t.month = d.month - {months} AND t.into_month >= d.into_month",
                f"t.month = d.month - {months} + 1",
            )
        ]
        return f"coalesce({', '.join(found)})", END
    return retail_period_before(period, int(size) - 1), "b.last_day"


def retail_period_before(period, count):
    """The first day of the period so many periods before the one in which a cell ends."""
    if period == "day":
        return f"(b.last_day - {count})"
    if period == "retail_week":
        return f"({looked_up('week_start', 'b.last_day')} - {7 * count})"
    size = MONTHS[period]
    on = f"t.month = d.month - d.month % {size} - {count * size}"
    return f"(SELECT min(t.day) FROM retail_days d JOIN retail_days t ON {on} WHERE d.day = b.last_day)"


def with_retail_periods(bounds, size, period):
    """The bounds of cells, and how many of the periods of a moving average are not entirely before the
    first fact: those that have days from it on."""
    start = "day" if period == "day" else f"{period.removeprefix('retail_')}_start"
    since = retail_period_before(period, size - 1)
    days = "SELECT * FROM retail_days WHERE day BETWEEN (SELECT first FROM span)"
    days += " AND (SELECT max(last_day) FROM cells)"
    count = f"SELECT count(DISTINCT {start}) FROM seen WHERE day >= w.since AND day <= w.last_day"
    return (
        f"WITH cells AS MATERIALIZED (SELECT b.*, {since} AS since FROM {bounds} b), "
        f"seen AS MATERIALIZED ({days}) SELECT w.*, ({count}) AS periods FROM cells w"
    )
