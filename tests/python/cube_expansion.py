"""What a cube says, as plain SQL of DuckDB over the raw files: the oracle of the random models.

It follows docs/declarations.md and docs/query.md, and shares nothing with the program under test.
Every cube becomes one table, `flat_<cube>`: a row per fact row with the flat columns by their names,
the columns of the fact as `f_<column>`, and the record behind each role as `r_<role>`.
"""

import re

import duckdb

from cube_models import scale_of
from cube_retail import retail_columns, retail_days, retail_year_of, retail_years

UNKNOWN, NOT_APPLICABLE = "(unknown)", "(not applicable)"
SQL_TYPES = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


# There is one zero, not one with a sign beside it.
MACROS = (
    "CREATE MACRO one_zero(x) AS CASE WHEN x = 0 THEN abs(x) ELSE x END;\n"
    # The amount up to a bound of the whole, rounded half away from zero; all are whole numbers.
    "CREATE MACRO up_to(amount, bound, whole) AS CASE WHEN amount < 0 THEN -1 ELSE 1 END "
    "* ((2 * abs(amount) * bound + whole) // (2 * whole));\n"
)


def sql_type(declared):
    return SQL_TYPES.get(declared, declared)


def raw_table(name, types):
    columns = ", ".join(f'CAST("{c}" AS {sql_type(t)}) AS "{c}"' for c, t in types.items())
    return (
        f"CREATE TABLE raw_{name} AS SELECT {columns} FROM "
        f"read_csv('$DATA/{name}.csv', all_varchar = true, header = true, nullstr = '', quote = '\"');\n"
    )


# --- dimensions


def special(is_number, number, text):
    return str(number) if is_number else f"'{text}'"


def filled(level, types):
    """The columns of a level before captions are told apart: SQL by column."""
    expressions = {}
    for column in level.columns():
        is_number = types[column] == "int" and column in (level.key, level.sort)
        value = column
        if column in level.captions():
            value = f"coalesce({column}, CAST({level.key or 'record'} AS VARCHAR))"
        elif not is_number:
            value = f"CAST({column} AS VARCHAR)"
        expressions[column] = (
            f"CASE WHEN member = -2 THEN {special(is_number, -2, NOT_APPLICABLE)} "
            f"ELSE coalesce({value}, {special(is_number, -1, UNKNOWN)}) END"
        )
    return expressions


def level_above(dimension, level):
    for hierarchy in dimension.hierarchies.values():
        if level.name in hierarchy and hierarchy.index(level.name) > 0:
            return dimension.level(hierarchy[hierarchy.index(level.name) - 1])
    return None


def above_caption(dimension, level, caption):
    """The caption of the level above, in the same locale where it has one."""
    above = level_above(dimension, level)
    if above is None:
        return None
    for locale, column in level.locales.items():
        if column == caption and locale in above.locales:
            return above.locales[locale]
    return above.caption or above.key


def standing_in(dimension):
    """The columns of a record; where it has no member of a ragged level, that of the level above."""
    found = {column: column for column in dimension.types}
    for hierarchy in dimension.hierarchies.values():
        for level in map(dimension.level, hierarchy):
            if not level.ragged:
                continue
            above, key = level_above(dimension, level), level.key
            shown = {key: above.key}
            shown |= {c: above_caption(dimension, level, c) for c in level.captions()}
            if level.sort:
                shown[level.sort] = above.sort
            found |= {
                own: f"CASE WHEN {key} IS NULL THEN {found[other]} ELSE {own} END"
                for own, other in shown.items()
            }
    return ", ".join(f"{sql} AS {column}" for column, sql in found.items())


def dimension_table(dimension):
    name, types = dimension.name, dimension.types
    record = " || '|' || ".join(f"CAST({column} AS VARCHAR)" for column in dimension.key)
    nothing = ", ".join(f"CAST(NULL AS {sql_type(kind)})" for kind in types.values())
    expressions = {column: column for column in types}
    for level in dimension.levels:
        expressions.update(filled(level, types))
    settled = ", ".join(f"{sql} AS {column}" for column, sql in expressions.items())
    sql = (
        f"CREATE TABLE filled_{name} AS WITH members AS ("
        f"SELECT row_number() OVER () AS member, {record} AS record, {standing_in(dimension)} FROM raw_{name} "
        f"UNION ALL SELECT -1, '{UNKNOWN}', {nothing} UNION ALL SELECT -2, '{NOT_APPLICABLE}', {nothing}) "
        f"SELECT member, record, {settled} FROM members;\n"
    )
    captions, joins = {}, ""
    # In the order of the declaration: a caption may stand behind one that was settled before.
    for level in dimension.levels:
        for caption in level.captions():
            key, above = level.key or "record", above_caption(dimension, level, caption)
            view = f"named_{name}_{caption}"
            sql += told_apart(
                view, f"filled_{name} d{joins}", key, caption, captions.get(above, above)
            )
            joins += f" JOIN {view} ON {view}.key = d.{key}"
            captions[caption] = f"{view}.caption"
    shown = ", ".join(f"{captions.get(column, f'd.{column}')} AS {column}" for column in types)
    return (
        sql
        + f"CREATE TABLE dim_{name} AS SELECT member, record, {shown} FROM filled_{name} d{joins};\n"
    )


def told_apart(view, table, key, caption, above):
    """One caption per key and one key per caption; `above` is what the level above shows."""
    if above:
        # A member under several parents has that of its first record.
        first = "CASE WHEN member < 0 THEN '' ELSE record END"
        above = f"arg_min(CAST({above} AS VARCHAR), {first})"
    above = above or "NULL"
    return (
        f"CREATE TABLE {view} AS WITH one AS (SELECT d.{key} AS key, min(d.{caption}) AS caption, "
        f"{above} AS above FROM {table} GROUP BY d.{key}), "
        "shared AS (SELECT *, count(*) OVER c AS keys FROM one WINDOW c AS (PARTITION BY caption)), "
        "parents AS (SELECT caption, count(DISTINCT above) AS parents FROM one GROUP BY caption) "
        "SELECT key, CASE WHEN keys = 1 THEN s.caption WHEN parents = keys "
        "THEN s.caption || ' (' || above || ')' ELSE s.caption || ' (' || key || ')' END AS caption "
        "FROM shared s JOIN parents p ON p.caption = s.caption;\n"
    )


# --- the calendar


def calendar_columns(start):
    """Key and caption of every level on `day`."""
    later = f"CASE WHEN {start} > 1 AND month(day) >= {start} THEN 1 ELSE 0 END"
    fiscal_year, fiscal_quarter = (
        f"(year(day) + {later})",
        f"((month(day) + 12 - {start}) % 12 // 3 + 1)",
    )
    half = "CASE WHEN month(day) <= 6 THEN 1 ELSE 2 END"
    return {
        "year": ("year(day)", "strftime(day, '%Y')"),
        "half": (f"year(day) * 10 + {half}", f"strftime(day, '%Y') || '-H' || {half}"),
        "quarter": ("year(day) * 10 + quarter(day)", "strftime(day, '%Y') || '-Q' || quarter(day)"),
        "month": ("year(day) * 100 + month(day)", "strftime(day, '%Y-%m')"),
        "week": ("isoyear(day) * 100 + weekofyear(day)", "strftime(day, '%G-W%V')"),
        "day": ("year(day) * 10000 + month(day) * 100 + day(day)", "strftime(day, '%Y-%m-%d')"),
        "fiscal_year": (fiscal_year, f"'FY' || {fiscal_year}"),
        "fiscal_quarter": (
            f"{fiscal_year} * 10 + {fiscal_quarter}",
            f"'FY' || {fiscal_year} || '-Q' || {fiscal_quarter}",
        ),
        "weekday": ("isodow(day)", "dayname(day)"),
    }


def calendar_table(model):
    days = " UNION ALL ".join(
        f"SELECT CAST({role.on[0]} AS DATE) AS day FROM raw_{one.fact.table}"
        for one in model.all()
        for role in one.fact.roles
        if role.dimension == "date"
    )
    if model.calendar:
        first, last = (f"DATE '{day}'" for day in model.calendar)
    else:
        first = f"(SELECT make_date(year(min(day)), 1, 1) FROM ({days}))"
        last = f"(SELECT make_date(year(max(day)), 12, 31) FROM ({days}))"
        if model.retail:
            first = retail_year_of(first, model.retail, "starts")
            last = retail_year_of(last, model.retail, "ends")
    columns = calendar_columns(model.fiscal_start)
    years = ""
    if model.retail:
        columns |= retail_columns(model.retail)
        years = f" JOIN ({retail_years(model.retail)}) AS retail ON day BETWEEN starts AND ends"
    keyed = ", ".join(
        f"CAST({key} AS BIGINT) AS {level}_key, {caption} AS {level}_caption"
        for level, (key, caption) in columns.items()
    )
    members = "".join(
        f" UNION ALL SELECT {number}, NULL, " + ", ".join([f"{number}, '{text}'"] * len(columns))
        for number, text in ((-1, UNKNOWN), (-2, NOT_APPLICABLE))
    )
    return (
        "CREATE TABLE calendar AS WITH days AS (SELECT CAST(d AS DATE) AS day FROM "
        f"range(CAST({first} AS TIMESTAMP), CAST({last} AS TIMESTAMP) + INTERVAL 1 DAY, INTERVAL 1 DAY) r(d)) "
        f"SELECT day - DATE '0001-01-01' + 1 AS member, day, {keyed} FROM days{years}{members};\n"
    )


# --- the fact with everything it can be grouped by


def rate_of(model, way):
    """What a euro is in dollars: by the newest rate, and of one day by the one that says just that."""
    order = "(since - DATE '1900-01-01') * 2 + CAST(from_code = 'EUR' AS INTEGER)"
    rate = "CASE WHEN from_code = 'EUR' THEN rate ELSE CAST(1 / rate AS DECIMAL(8,4)) END"
    role = next((role for role in model.fact.roles if role.name == way), None)
    until = f"CAST(s.{role.on[0]} AS DATE)" if role else f"DATE '{way}'"
    where = "" if way == "latest" else f" WHERE since <= {until}"
    return f"(SELECT arg_max({rate}, {order}) FROM raw_fx{where})"


def fact_table(model):
    """Fact rows with the member of every role; rows that go to quarantine are left out."""
    columns = [f'"{column}" AS f_{column}' for column in model.fact.types]
    kept = []
    for role in model.fact.roles:
        if role.dimension == "date":
            day = f"CAST({role.on[0]} AS DATE)"
            found = f"{day} - DATE '0001-01-01' + 1"
            if model.calendar:
                first, last = model.calendar
                kept.append(
                    f"(m_{role.name} < 0 OR {day} BETWEEN DATE '{first}' AND DATE '{last}')"
                )
        else:
            key = " || '|' || ".join(f'CAST("{column}" AS VARCHAR)' for column in role.on)
            found = f"(SELECT member FROM dim_{role.dimension} d WHERE d.member > 0 AND d.record = {key})"
        absent = (
            f"CASE WHEN {role.absent} THEN -2 ELSE"
            if role.absent
            else "CASE WHEN FALSE THEN 0 ELSE"
        )
        columns.append(f"{absent} coalesce({found}, -1) END AS m_{role.name}")
        if role.must_exist:
            kept.append(f"m_{role.name} <> -1")
    for number, way in enumerate(model.fact.rates.ways if model.fact.rates else []):
        columns.append(f"{rate_of(model, way)} AS f_fx_{number}")
    where = " AND ".join(kept) or "TRUE"
    rows = f"SELECT s.*, {', '.join(columns)} FROM raw_{model.fact.table} s"
    return f"CREATE TABLE fact_{model.fact.name} AS SELECT * FROM ({rows}) WHERE {where};\n"


def flat_table(model, cube):
    shown, joins = [], ""
    for column in model.flat_columns(cube):
        role = column.role
        if role is None:
            shown.append(f"{fact_level(model, cube, column)} AS {column.name}")
        elif role.dimension == "date":
            level = column.name[len(role.name) + 1 :]
            source = {"key": level, "level": f"{level}_caption", "attribute": "day"}[column.kind]
            shown.append(f"{role.name}.{source} AS {column.name}")
        else:
            source = dimension_source(model.dimensions[role.dimension], column)
            shown.append(f"{role.name}.{source} AS {column.name}")
    for role in cube.roles:
        table = "calendar" if role.dimension == "date" else f"dim_{role.dimension}"
        joins += f" JOIN {table} AS {role.name} ON {role.name}.member = fact.m_{role.name}"
    members = [f"fact.m_{role.name}" for role in model.fact.roles]
    columns = [f"fact.f_{column}" for column in model.fact.types]
    if model.fact.rates:
        columns += [f"fact.f_fx_{number}" for number in range(len(model.fact.rates.ways))]
    # Which day counts is known only of the cells of a question.
    days = [f"CAST(NULL AS BIGINT) AS day_of_{m.name}" for m in cube.measures if m.over_time()]
    shown += columns + members + days
    return f"CREATE TABLE flat_{cube.name} AS SELECT {', '.join(shown)} FROM fact_{model.fact.name} AS fact{joins};\n"


def dimension_source(dimension, column):
    if column.kind == "attribute":
        return column.name[len(column.role.name) + 1 :]
    level = dimension.level(column.level)
    key = level.key or "record"
    if column.kind == "key":
        return key
    if column.kind == "locale":
        return level.locales[column.name.rsplit("_", 1)[1]]
    return level.caption or key


def fact_level(model, cube, column):
    """A level of the fact; a text shows `(unknown)` where a row has none."""
    name = column.level or column.name.removesuffix("_sort")
    level = next(level for level in cube.levels if level.name == name)
    if column.kind == "level":
        source = level.caption or level.key
        text = model.fact.types[source] == "text"
        return f"coalesce(fact.f_{source}, '{UNKNOWN}')" if text else f"fact.f_{source}"
    return f"fact.f_{level.key if column.kind == 'key' else level.sort}"


def script(model):
    """Everything, from the raw files to a table per cube; `$DATA` stands for the folder."""
    sql = MACROS
    for one in model.all():
        sql += raw_table(one.fact.table, one.fact.raw_types)
    if model.fact.rates:
        sql += raw_table("fx", model.fact.rates.types)
    for dimension in model.dimensions.values():
        sql += raw_table(dimension.name, dimension.types) + dimension_table(dimension)
    sql += calendar_table(model)
    sql += retail_days(model.retail) if model.retail else ""
    for one in model.all():
        sql += fact_table(one) + "".join(flat_table(one, cube) for cube in one.cubes)
    # Members of a composite are those of the first fact, which has all roles.
    return sql + "".join(flat_table(model, cube) for cube in model.composites)


def open_oracle(model, folder):
    """DuckDB with the tables of the model."""
    database = duckdb.connect(config={"threads": 1})
    database.execute(script(model).replace("$DATA", f"{folder}/data".replace("'", "''")))
    return database


# --- measures


def over_flat(model, cube, text):
    """An expression of a declaration over the flat table: columns of the fact come first."""

    def renamed(match):
        return f"f_{match[0]}" if match[0] in model.fact.types else match[0]

    return re.sub(
        r"'(?:[^']|'')*'|[A-Za-z_]\w*", lambda m: m[0] if m[0][0] == "'" else renamed(m), text
    )


def filter_clause(*conditions):
    conditions = [f"({condition})" for condition in conditions if condition]
    return f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else ""


def measure_sql(model, cube, name, condition=None):
    """The aggregate of DuckDB that a measure is, over the rows that meet `condition`."""
    measure = cube.measure(name)
    if measure.formula is not None:
        return formula_sql(model, cube, measure.formula, condition)
    own = measure.where and over_flat(model, cube, measure.where)
    only = filter_clause(own, condition)
    if measure.over_time() and measure.text == "*":
        return over_days(model, measure, "*", own, condition)
    if measure.kind == "count" and measure.text == "*":
        return f"count(*){only}"
    role = next((r for r in model.fact.roles if r.name == measure.text), None)
    if measure.kind == "distinct" and role is not None:
        return (
            f"count(DISTINCT m_{role.name}){filter_clause(f'm_{role.name} >= 0', own, condition)}"
        )
    value = over_flat(model, cube, measure.text)
    if measure.rate:
        value = f"({value}) * f_{measure.rate}"
    if measure.over_time() or measure.kind in ("first", "last"):
        return over_days(model, measure, value, own, condition)
    return aggregate_sql(measure, value, only)


def day_of(model):
    """The column with the day of balances, first and last values: below zero where it is not known."""
    roles = [role for role in model.fact.roles if role.dimension == "date"]
    return f"m_{next((role for role in roles if role.named is None), roles[0]).name}"


def by_calendar(cube, name):
    """The measures in `name`, itself or what it is made of, that count on one day for all."""
    measure = cube.measure(name)
    if measure.formula is None:
        return [measure] if measure.over_time() in ("first", "last") else []
    parts = [part for part in tree_names(measure.formula) if isinstance(part, str)]
    return [found for part in parts for found in by_calendar(cube, part)]


def tree_names(tree):
    """The names and constants in a formula."""
    return [tree] if not isinstance(tree, tuple) else [n for part in tree[1:] for n in tree_names(part)]


def over_days(model, measure, value, *conditions):
    """A measure that knows of days: its rows as a list, from which it is taken by hand."""
    day = day_of(model)
    if measure.kind == "count":
        value = (
            "CAST(1 AS BIGINT)"
            if measure.text == "*"
            else f"CASE WHEN ({value}) IS NOT NULL THEN 1 END"
        )
    known = filter_clause(f"{day} >= 0", f"({value}) IS NOT NULL", *conditions)
    rows = f"list({{'d': {day}, 'x': {value}}}){known}"
    edge = "min" if measure.kind == "first" or measure.over_time() == "first_non_empty" else "max"

    def of_day(wanted):
        return f"[s.x for s in {rows} if s.d = {wanted}]"

    at_edge = of_day(f"{edge}({day}){known}")
    if measure.kind in ("first", "last"):
        return f"list_{edge}({at_edge})"
    how, scale = measure.over_time(), scale_of(measure.input_type)
    if how in ("first", "last"):
        that_day = filter_clause(f"{day} = day_of_{measure.name}", *conditions)
        result = f"sum({value}){that_day}"
    elif how == "average":
        total, days = f"sum({value}){known}", f"count(DISTINCT {day}){known}"
        if scale is None:
            return f"CAST({total} AS DOUBLE) / nullif({days}, 0)"
        return mean_sql(total, days, scale, scale_of(measure.type))
    elif how in ("min", "max"):
        days = f"list(DISTINCT {day}){known}"
        result = f"list_{how}([list_sum({of_day('t')}) for t in {days}])"
    else:
        result = f"list_sum({at_edge})"
    if measure.input_type == "int":
        result = f"CAST({result} AS BIGINT)"
    return (
        f"coalesce({result}, 0)"
        if measure.kind == "count" and how not in ("min", "max")
        else result
    )


def aggregate_sql(measure, value, only):
    if measure.kind == "count":
        return f"count({value}){only}"
    if measure.kind == "distinct":
        return f"count(DISTINCT {value}){only}"
    if measure.kind in ("min", "max"):
        return f"{measure.kind}({value}){only}"
    if measure.kind in ("median", "quantile"):
        return f"quantile_cont(CAST({value} AS DOUBLE), {measure.options.get('at', '0.5')}){only}"
    if measure.kind in ("variance", "stddev"):
        of = "pop" if measure.options.get("population") else "samp"
        return f"{'var' if measure.kind == 'variance' else 'stddev'}_{of}(CAST({value} AS DOUBLE)){only}"
    total = f"sum({value}){only}"
    scale = scale_of(measure.input_type)
    if measure.kind == "sum":
        return f"CAST({total} AS BIGINT)" if measure.input_type == "int" else total
    if scale is None:
        return f"avg({value}){only}"
    return mean_sql(total, f"count({value}){only}", scale, scale_of(measure.type))


def mean_sql(total, count, scale, digits):
    """`total / count` with `digits` after the point, half away from zero, in whole numbers."""
    units = f"CAST({total} * 1{'0' * scale} AS HUGEINT) * 1{'0' * (digits - scale)}"
    rounded = f"sign({total}) * ((2 * abs({units}) + {count}) // (2 * {count}))"
    unit = f"CAST('0.{'1'.zfill(digits)}' AS DECIMAL({digits + 1},{digits}))"
    return f"CASE WHEN {count} > 0 THEN CAST({rounded} AS DECIMAL(37,0)) * {unit} END"


def formula_sql(model, cube, tree, condition):
    if isinstance(tree, str):
        return measure_sql(model, cube, tree, condition)
    if not isinstance(tree, tuple):
        return str(tree)
    left, right = (f"({formula_sql(model, cube, part, condition)})" for part in tree[1:])
    if tree[0] == "/":
        return f"one_zero(CAST({left} AS DOUBLE) / nullif(CAST({right} AS DOUBLE), 0))"
    return f"{left} {tree[0]} {right}"


# --- questions


def aggregate_over_flat(model, cube, aggregate):
    """An aggregate of a question as one of DuckDB over the flat table."""
    only = filter_clause(aggregate.condition)
    if aggregate.measure is None:
        if aggregate.form == "rows":
            return f"count(*){only}"
        if aggregate.form == "rows_if":
            return f"CAST(sum(CASE WHEN {aggregate.condition} THEN 1 ELSE 0 END) AS BIGINT)"
        return f"{aggregate.form.format(aggregate.over)}{only}"
    sql = measure_sql(model, cube, aggregate.measure, aggregate.condition)
    return f"coalesce({sql}, 0)" if aggregate.form.endswith((" zero", " coalesce")) else f"({sql})"


def where_clause(model, question):
    conditions = [
        part if isinstance(part, str) else part.sql(lambda inner: question_sql(model, inner))
        for part in question.where
    ]
    return " WHERE " + " AND ".join(f"({part})" for part in conditions) if conditions else ""


def tail(question):
    """ORDER BY and LIMIT, with the place of NULL said."""
    keys = []
    for order in question.order:
        down = " DESC" if order.descending else ""
        keys.append(f"{order.column}{down} NULLS {'FIRST' if order.nulls_first() else 'LAST'}")
        if order.double:
            keys.append(f"NOT signbit({order.column}){down}")
    sql = f" ORDER BY {', '.join(keys)}" if keys else ""
    sql += f" LIMIT {question.limit}" if question.limit is not None else ""
    return sql + (f" OFFSET {question.offset}" if question.offset is not None else "")


def question_sql(model, question):
    """The question without calculations, over the flat table."""
    cube = next(cube for cube in model.cubes if cube.name == question.cube)

    def write(aggregate):
        return aggregate_over_flat(model, cube, aggregate)

    shown = [f"{group} AS g{i}" for i, group in enumerate(question.groups)]
    if question.sets is not None and question.shown_groupings:
        shown += [f"GROUPING({group}) AS t{i}" for i, group in enumerate(question.groups)]
    shown += [f"{value.sql(write)} AS v{i}" for i, value in enumerate(question.values)]
    # Not in HAVING, where DuckDB knows no lists.
    kept = " AND ".join(f"({value.sql(write)})" for value in question.having)
    shown += [f"{kept} AS kept"] if kept else []
    sql = f"SELECT {', '.join(shown)} FROM flat_{cube.name}{where_clause(model, question)}"
    if question.groups:
        sets = [", ".join(question.groups[i] for i in part) for part in question.all_sets()]
        sql += f" GROUP BY GROUPING SETS ({', '.join(f'({part})' for part in sets)})"
    if kept:
        sql = f"SELECT * EXCLUDE (kept) FROM ({sql}) AS answer WHERE kept"
    return f"SELECT * FROM ({sql}) AS answer{tail(question)}" if question.order else sql


# --- pivots


def order_columns(model, cube, level):
    """What the members of a flat column stand in order of: its `sort`, else its key."""
    column = next(c for c in model.flat_columns(cube) if c.name == level)
    if column.kind != "level":
        return [level]
    if column.role is None:
        found = next(known for known in cube.levels if known.name == level)
        order = [f"{level}_sort"] if found.sort else []
        return order + ([f"{level}_key"] if found.caption else []) or [level]
    order = [f"{level}_key"]
    if column.role.dimension != "date":
        sort = model.dimensions[column.role.dimension].level(column.level).sort
        if sort:
            order.insert(0, f"{column.role.name}_{sort}")
    return order


def pivot_refusals(model, asked):
    """What the refusal says of totals over one axis with a level that is on both."""
    cube = next(cube for cube in model.cubes if cube.name == asked.cube)
    rows, columns = (
        {column for level in axis for column in [level, *order_columns(model, cube, level)]}
        for axis in (asked.rows, asked.columns)
    )
    by_measure = asked.columns and any(by in asked.measures for by, _ in asked.sort)
    return ["are of one level"] if rows & columns and (asked.totals or by_measure) else []


def pivot(model, database, asked):
    """The table `starling query` shows: names of columns, and rows."""
    cube = next(cube for cube in model.cubes if cube.name == asked.cube)
    axes = {level: order_columns(model, cube, level) for level in asked.rows + asked.columns}
    where = "".join(f" AND ({condition})" for condition in asked.filters)

    def cells(rows, columns):
        """Place on both axes → captions and values."""
        levels = [*(asked.rows if rows else ()), *(asked.columns if columns else ())]
        order = [column for level in levels for column in axes[level] + [level]]
        values = [f"({measure_sql(model, cube, name)})" for name in asked.measures]
        sql = f"SELECT {', '.join(order + values)} FROM flat_{cube.name} WHERE TRUE{where}"
        sql += f" GROUP BY {', '.join(order)}" if order else ""
        side = sum(len(axes[level]) + 1 for level in asked.rows) if rows else 0
        found = {}
        for row in database.execute(sql).fetchall():
            found[row[:side], row[side : len(order)]] = row[len(order) :]
        return found

    body = cells(True, True)
    heads = sorted({top for _, top in body}, key=in_order) if asked.columns else [()]
    sides = sorted({side for side, _ in body}, key=in_order)
    if asked.totals and asked.columns and not asked.rows:
        sides = [()]
    by_row, by_column, total = cells(True, False), cells(False, True), cells(False, False)
    sides = sorted_rows(asked, axes, sides, body if not asked.columns else by_row)
    if asked.limit is not None:
        sides = sides[: asked.limit]
    names = list(asked.rows)
    tops = [captions(axes, asked.columns, head) for head in heads]
    with_total = asked.totals and asked.columns
    for top in tops + ([["total"]] if with_total else []):
        names += [f"{' / '.join(top)} / {m}" if asked.columns else m for m in asked.measures]
    nothing = (None,) * len(asked.measures)
    rows = []
    for side in sides:
        row = captions(axes, asked.rows, side, as_text=False)
        for head in heads:
            row += body.get((side, head), nothing)
        rows.append(row + list(by_row[side, ()] if with_total else ()))
    if asked.totals and asked.rows:
        row = [None] * len(asked.rows)
        for head in heads:
            row += by_column.get(((), head), nothing)
        rows.append(row + list(total[(), ()] if with_total else ()))
    return names, rows


def in_order(place):
    """NULL first, as the engine's row order has it."""
    return [(value is not None, value) for value in place]


def captions(axes, levels, place, as_text=True):
    shown, at = [], 0
    for level in levels:
        at += len(axes[level])
        shown.append(str(place[at]) if as_text else place[at])
        at += 1
    return shown


def sorted_rows(asked, axes, sides, values):
    """Rows in the order asked for; stable, so that the last key is applied first."""
    for by, descending in reversed(asked.sort):
        if by in asked.measures:
            at = asked.measures.index(by)
            known = [s for s in sides if values[s, ()][at] is not None]
            known.sort(key=lambda side: values[side, ()][at], reverse=descending)
            sides = known + [s for s in sides if values[s, ()][at] is None]
            continue
        start = 0
        for level in asked.rows:
            if level == by:
                break
            start += len(axes[level]) + 1
        width = len(axes[by])
        sides = sorted(sides, key=lambda s: in_order(s[start : start + width]), reverse=descending)
    return sides
