"""Calculations over a cube, as plain SQL of DuckDB in the most naive way there is.

For every cell its days T are listed, for every calculation the days whose facts contribute to it, and the
facts of those days are aggregated anew. No value is accumulated, or taken from another cell.

Per grouping set `k` there are these tables, with `g<i>` for each group of the set:

    context<k>      every day that meets the time conditions, with the time groups it belongs to
    series<k>_<s>   per cell the value of series `s`: a measure over its contributing days
    cells<k>        the cells that are shown
"""

from dataclasses import dataclass

from cube_expansion import (
    aggregate_over_flat,
    by_calendar,
    day_of,
    mean_sql,
    measure_sql,
    tail,
    where_clause,
)
from cube_models import CALENDAR_LEVELS, RETAIL_LEVELS, scale_of
from cube_questions import columns_in
from cube_retail import END as RETAIL_END
from cube_retail import retail_shift, retail_window, with_retail_periods

# Fine to coarse; levels of one line are as fine as each other.
FINENESS = [
    ["day"],
    ["week", "retail_week"],
    ["month", "retail_month"],
    ["quarter", "fiscal_quarter", "retail_quarter"],
    ["half"],
    ["year", "fiscal_year", "retail_year"],
]
MONTHS = {"month": 1, "quarter": 3, "fiscal_quarter": 3, "half": 6, "year": 12, "fiscal_year": 12}
DAYS = {"day": 1, "week": 7}

SHIFTED = ["prior_year", "prior_period", "prior_year_so_far", "prior_period_so_far"]
TO_DATE = ["wtd", "mtd", "qtd", "ytd", "fqtd", "fytd", "ytd_prior_year"]
ROLLING = ["rolling_3m", "rolling_6m", "rolling_12m", "rolling_7d", "rolling_30d", "rolling_90d"]
# Some lengths of those that nobody listed.
ROLLING += ["rolling_1d", "rolling_45d", "rolling_366d", "rolling_2w", "rolling_9w", "rolling_1m"]
ROLLING += ["rolling_17m", "rolling_1q", "rolling_5q", "rolling_1y", "rolling_2y"]
AT_OTHER_TIMES = SHIFTED + TO_DATE + ROLLING + ["running_total"]
# What is compared, and with which earlier value.
DIFFERENCES = {
    "yoy": ("value", "prior_year"),
    "pop": ("value", "prior_period"),
    "ytd_yoy": ("ytd", "ytd_prior_year"),
    "yoy_so_far": ("value", "prior_year_so_far"),
    "pop_so_far": ("value", "prior_period_so_far"),
}
RATES = {f"{name}_pct": pair for name, pair in DIFFERENCES.items()}
MOVING = [f"moving_average_{size}" for size in (1, 2, 3, 5, 7, 12, 13, 40)]
SHARES = ["share_of_total", "share_of_parent"]
PLACES = ["rank", "pareto_class"]
OVER_TIME = [*AT_OTHER_TIMES, "yoy", "pop", "ytd_yoy", *RATES, *MOVING]
NEED_PERIOD = ["prior_period", "prior_period_so_far", "pop", "pop_pct", "pop_so_far_pct", *MOVING]
CALCULATIONS = [*OVER_TIME, *SHARES, *PLACES]


def is_over_time(calculation):
    return calculation in OVER_TIME


# --- who is meant by what


@dataclass(frozen=True)
class LevelOf:
    """The role (None for the fact) and level that a flat column shows."""

    role: str | None
    level: str


def level_of(model, cube, column):
    if column.kind not in ("level", "key", "locale"):
        return None
    return LevelOf(column.role.name if column.role else None, column.level)


def date_roles(cube):
    return [role.name for role in cube.roles if role.dimension == "date"]


def roles_in(text, known):
    """Date roles, and None for anything else, that `text` speaks of."""
    roles = set()
    for name in columns_in(text, known):
        role = known[name].role
        roles.add(role.name if role and role.dimension == "date" else None)
    return roles


def time_role(cube, question, known):
    """The role that groups use; else the one conditions use, those of the question first; else the first."""
    all_roles = date_roles(cube)
    over_time = [a for a in question.aggregates() if is_over_time(a.calculation)]
    filters = [a.condition for a in over_time[:1] if a.condition is not None]
    for texts in (question.groups, [c for c in question.where if isinstance(c, str)], filters):
        used = {role for text in texts for role in roles_in(text, known)} - {None}
        if len(used) == 1:
            return used.pop()
    return "date" if "date" in all_roles else (all_roles or [None])[0]


def is_time(text, role, known):
    """Whether `text` is over the time role; None when it is over other things as well."""
    names = columns_in(text, known)
    of_time = [known[name].role is not None and known[name].role.name == role for name in names]
    if all(of_time) and names:
        return True
    return None if any(of_time) else False


def period_of(model, cube, question, known, role, part):
    """The finest level of the time role in a grouping set, or None."""
    levels = set()
    for index in part:
        for name in columns_in(question.groups[index], known):
            column = known[name]
            if column.role is not None and column.role.name == role and column.level:
                levels.add(column.level)
    for line in FINENESS:
        for level in line:
            if level in levels:
                return level, levels
    return None, levels


def is_by_weeks(levels):
    return "week" in levels and not levels & {"month", "quarter", "fiscal_quarter", "half"}


def levels_in(texts, known, role):
    """The levels of a role that texts speak of."""
    columns = [known[name] for text in texts for name in columns_in(text, known)]
    return {c.level for c in columns if c.role is not None and c.role.name == role and c.level}


def subject_of(question, known, part):
    """The role, or the level of the fact, that shares and places are about: the last, time aside."""
    subjects = {False: None, True: None}
    for index in part:
        column = known[question.groups[index]]
        is_date = column.role is not None and column.role.dimension == "date"
        subjects[is_date] = column.role.name if column.role else column.level
    return subjects[False] or subjects[True]


def finest_of(model, cube, question, known, part, subject, role):
    """The subject's finest level in the set, and the groups that show it."""
    groups = {}
    for index in part:
        column = known[question.groups[index]]
        if (column.role.name if column.role else column.level) == subject:
            groups.setdefault(column.level, []).append(index)
    if not groups:
        return None, []
    return (finest := max(groups, key=lambda level: depth(model, cube, subject, level))), groups[
        finest
    ]


def depth(model, cube, subject, level):
    """How fine a level is; greater is finer."""
    role = next((role for role in cube.roles if role.name == subject), None)
    if role is None:
        return 0
    if level in RETAIL_LEVELS:
        return RETAIL_LEVELS.index(level)
    if role.dimension == "date":
        lines = [index for index, line in enumerate(reversed(FINENESS)) if level in line]
        return lines[0] if lines else -1
    depths = [h.index(level) for h in model.hierarchies(cube, role).values() if level in h]
    return max(depths, default=0)


def coarser(model, cube, subject, level):
    """The flat key column of the next coarser level, in the first hierarchy that has one."""
    role = next((role for role in cube.roles if role.name == subject), None)
    for hierarchy in model.hierarchies(cube, role).values() if role else []:
        if level in hierarchy[1:]:
            return f"{subject}_{hierarchy[hierarchy.index(level) - 1]}_key"
    return None


def level_of_share(calculation, known):
    """The column of the level whose members a share is of."""
    return known.get((calculation or "").removeprefix("share_of_"))


def is_below(model, cube, role, fine, coarse):
    """Whether a level stands below another on a hierarchy."""
    paths = model.hierarchies(cube, role).values()
    return any(
        fine in path and coarse in path and path.index(fine) > path.index(coarse) for path in paths
    )


def parts_of_level(model, cube, question, known, part, of):
    """Whether a grouping set has parts of the members of a level, and the groups that stay there."""
    rest, is_part = [], False
    for index in part:
        column = known[question.groups[index]]
        if column.role is None or column.role.name != of.role.name:
            rest.append(index)
            continue
        if column.level == of.level or is_below(model, cube, of.role, column.level, of.level):
            is_part = True
        elif is_below(model, cube, of.role, of.level, column.level):
            rest.append(index)
    return is_part, rest


# --- days


def moved(day, months):
    return f"CAST({day} + INTERVAL ({months}) MONTH AS DATE)"


def moved_by_weeks(day):
    """The same weekday of the same week of the next ISO year, or of its last week."""
    year = f"(isoyear({day}) + 1)"
    week = f"least(weekofyear({day}), weekofyear(make_date({year}, 12, 28)))"
    monday = f"CAST(date_trunc('week', make_date({year}, 1, 4)) AS DATE)"
    return f"({monday} + CAST(({week} - 1) * 7 + isodow({day}) - 1 AS INTEGER))"


def shift(series, day, period, by_weeks):
    """Where a day moves to; None when the cell has no period."""
    if series.startswith("prior_year"):
        return moved_by_weeks(day) if by_weeks else moved(day, 12)
    if period is None:
        return None
    return f"({day} + {DAYS[period]})" if period in DAYS else moved(day, MONTHS[period])


END = "least(b.last_day, last_day((SELECT last FROM span)))"
END_BY_DAYS = "least(b.last_day, (SELECT last FROM span))"


def months_before(end, months):
    """The first day of the `months` that end with `end`."""
    return moved(f"({end} + 1)", -months)


def first_day(series, end, fiscal_start):
    unit = {"wtd": "week", "mtd": "month", "qtd": "quarter", "ytd": "year"}.get(series)
    if unit:
        return f"CAST(date_trunc('{unit}', {end}) AS DATE)"
    # Months are moved so that the fiscal year is the calendar year, and back.
    back, unit = fiscal_start - 1, {"fqtd": "quarter", "fytd": "year"}[series]
    return moved(f"CAST(date_trunc('{unit}', {moved(end, -back)}) AS DATE)", back)


def window(series, period, fiscal_start):
    """First and last contributing day of a series that is a window, over the bounds `b` of a cell."""
    if series == "ytd_prior_year":
        # The same day; of the last day of a month, the last of that month a year before.
        before = moved(END, -12)
        end = f"(CASE WHEN {END} = last_day({END}) THEN last_day({before}) ELSE {before} END)"
        return first_day("ytd", end, fiscal_start), end
    if series in TO_DATE:
        return first_day(series, END, fiscal_start), END
    name, _, size = series.rpartition("_")
    if name == "rolling":
        count, unit = int(size[:-1]), size[-1]
        if unit in "dw":
            return f"({END_BY_DAYS} - {count * {'d': 1, 'w': 7}[unit] - 1})", END_BY_DAYS
        return months_before(END, count * {"m": 1, "q": 3, "y": 12}[unit]), END
    # A moving average.
    return period_before(period, int(size) - 1, fiscal_start), "b.last_day"


def period_before(period, count, fiscal_start):
    """The first day of the period so many periods before the one in which a cell ends."""
    day = "b.last_day"
    if period == "day":
        return f"({day} - {count})"
    if period == "week":
        return f"(CAST(date_trunc('week', {day}) AS DATE) - {7 * count})"
    if period == "half":
        start = f"make_date(year({day}), CASE WHEN month({day}) < 7 THEN 1 ELSE 7 END, 1)"
    else:
        unit = {"month": "mtd", "quarter": "qtd", "year": "ytd"}.get(period)
        unit = unit or {"fiscal_quarter": "fqtd", "fiscal_year": "fytd"}[period]
        start = first_day(unit, day, fiscal_start)
    return moved(start, -count * MONTHS[period])


def periods_there(size, period, fiscal_start):
    """How many of the periods of a moving average are not entirely before the first fact."""
    ends = ["b.last_day"]
    ends += [f"({period_before(period, index, fiscal_start)} - 1)" for index in range(size - 1)]
    return " + ".join(f"CAST({end} >= (SELECT first FROM span) AS INTEGER)" for end in ends)


# --- the expansion


class Expansion:
    """One question with calculations."""

    def __init__(self, model, question):
        self.model, self.question = model, question
        self.cube = next(cube for cube in model.cubes if cube.name == question.cube)
        self.known = {column.name: column for column in model.flat_columns(self.cube)}
        self.role = time_role(self.cube, question, self.known)
        self.tables = []
        self.asked = question.aggregates()

    def time(self, text):
        return text is not None and is_time(text, self.role, self.known)

    def sql(self):
        where = self.question.where
        of_time = [c for c in where if isinstance(c, str) and self.time(c)]
        others = tuple(c for c in where if c not in of_time)
        self.time_conditions = " AND ".join(f"({c})" for c in of_time) or "TRUE"
        groups = "".join(f", {g} AS g{i}" for i, g in enumerate(self.question.groups))
        other_rows = where_clause(self.model, Others(others))
        role = self.role
        calendar = ", ".join(
            f"{level}_key AS {role}_{level}_key, {level}_caption AS {role}_{level}"
            for level in self.model.calendar_levels()
        )
        self.add("days", f"SELECT day AS {role}_date, {calendar} FROM calendar WHERE member > 0")
        relation = f"flat_{self.cube.name}"
        self.add("span", self.span())
        # Days of periods that have begun when facts end, by the finest level that is grouped by.
        grouped = levels_in(self.question.groups, self.known, role)
        lines = [level for line in FINENESS for level in line if level in grouped]
        for name, default in (("begun", "month"), ("begun_retail", "retail_month")):
            level = lines[0] if lines else default
            if level in self.model.calendar_levels():
                self.add(name, self.begun(f"{level}_key"))
        self.levels = levels_in([*self.question.groups, *of_time], self.known, role)
        # Rows by everything but time, and those of them that meet the time conditions.
        self.add("rows_then", f"SELECT *{groups} FROM {relation}{other_rows}")
        self.add("rows_now", f"SELECT * FROM rows_then WHERE {self.time_conditions}")
        answers = [self.of_set(k, part) for k, part in enumerate(self.question.all_sets())]
        tables = ", ".join(f"{name} AS MATERIALIZED ({sql})" for name, sql in self.tables)
        return f"WITH {tables} SELECT * FROM ({' UNION ALL '.join(answers)}) AS answer{tail(self.question)}"

    def span(self):
        """The first and the last day with facts."""
        days = f"min({self.role}_date) AS first, max({self.role}_date) AS last"
        return f"SELECT {days} FROM flat_{self.cube.name}"

    def begun(self, key):
        """The days of the periods that have begun when facts end."""
        begun = "HAVING min(day) <= (SELECT last FROM span)"
        begun = f"SELECT {key} FROM calendar WHERE member > 0 GROUP BY 1 {begun}"
        return f"SELECT day FROM calendar WHERE member > 0 AND {key} IN ({begun})"

    def levels_with(self, condition):
        """The levels of time that are spoken of, with those of a condition on an aggregate."""
        return self.levels | levels_in([condition or "TRUE"], self.known, self.role)

    def is_retail(self, condition):
        """Whether weeks, months and years are those of the retail calendar."""
        levels = self.levels_with(condition)
        civil = levels & set(CALENDAR_LEVELS) - {"day", "weekday"}
        return bool(levels & set(RETAIL_LEVELS)) and not civil

    def add(self, name, sql):
        self.tables.append((name, sql))

    def of_set(self, k, part):
        """The rows of one grouping set."""
        one = SetExpansion(self, k, part)
        write = one.value
        shown = [
            f"c.g{i} AS g{i}" if i in part else f"NULL AS g{i}"
            for i in range(len(self.question.groups))
        ]
        if self.question.sets is not None and self.question.shown_groupings:
            shown += [f"{int(i not in part)} AS t{i}" for i in range(len(self.question.groups))]
        values = [value.sql(write) for value in self.question.values]
        shown += [f"{value} AS v{i}" for i, value in enumerate(values)]
        kept = " AND ".join(value.sql(write) for value in self.question.having) or "TRUE"
        # Places are taken among all rows, those that HAVING leaves out too.
        cells = f"SELECT {', '.join(shown)}, {kept} AS kept FROM {one.finish()}"
        return f"SELECT * EXCLUDE (kept) FROM ({cells}) AS c WHERE kept"


@dataclass
class Others:
    """The part of a question that `where_clause` reads."""

    where: tuple


class SetExpansion:
    """One grouping set of a question."""

    def __init__(self, whole, k, part):
        self.whole, self.k, self.part = whole, k, part
        groups = whole.question.groups
        self.time_part = [i for i in part if whole.time(groups[i])]
        self.period, self.levels = period_of(
            whole.model, whole.cube, whole.question, whole.known, whole.role, part
        )
        self.series_names = {}
        self.context()

    def named(self, name):
        return f"{name}{self.k}"

    def groups_of(self, of, part=None):
        return "".join(f", {of}.g{i}" for i in (self.part if part is None else part))

    def group_by(self, of, part=None):
        names = [f"{of}.g{i}" for i in (self.part if part is None else part)]
        return f" GROUP BY {', '.join(names)}" if names else ""

    def on(self, left, right, part=None):
        same = [
            f"{left}.g{i} IS NOT DISTINCT FROM {right}.g{i}"
            for i in (self.part if part is None else part)
        ]
        return " AND ".join(same) or "TRUE"

    def context(self):
        """The days of every cell's time members, and where they begin and end."""
        groups = "".join(f", {self.whole.question.groups[i]} AS g{i}" for i in self.time_part)
        role = self.whole.role
        self.days_sql = (
            f"SELECT {role}_date AS day{groups} FROM days WHERE {self.whole.time_conditions}"
        )
        self.whole.add(self.named("context"), self.days_sql)
        self.whole.add(self.named("bounds"), self.bounds_sql(self.named("context")))

    def bounds_sql(self, context):
        sql = (
            f"SELECT min(day) AS first_day, max(day) AS last_day{self.groups_of('x', self.time_part)} "
            f"FROM {context} x{self.group_by('x', self.time_part)}"
        )
        # Periods that begin after the last fact are not made up.
        return f"SELECT * FROM ({sql}) WHERE first_day <= (SELECT last FROM span)"

    # One measure over some days

    def series(self, aggregate, name):
        """The table of a series; made once for a measure and condition."""
        key = (aggregate.measure, aggregate.condition, name)
        if key not in self.series_names:
            self.series_names[key] = f"series{self.k}_{len(self.series_names)}"
            self.make(self.series_names[key], aggregate, name)
        return self.series_names[key]

    def make(self, table, aggregate, name):
        whole, condition = self.whole, aggregate.condition
        of_time = condition is not None and whole.time(condition)
        if name == "value":
            value = f"({measure_sql(whole.model, whole.cube, aggregate.measure, condition)})"
            rows = self.with_day(table, "rows_now", aggregate, self.part)
            sql = f"SELECT {value} AS v, 'now' AS found{self.groups_of('r')} FROM {rows}{self.group_by('r')}"
            if not self.part:
                sql = f"SELECT * FROM ({sql}) WHERE (SELECT count(*) FROM rows_now) > 0"
            whole.add(table, sql)
            return
        value = measure_sql(
            whole.model, whole.cube, aggregate.measure, None if of_time else condition
        )
        context, bounds = self.named("context"), self.named("bounds")
        if of_time:
            context, bounds = f"{table}_context", f"{table}_bounds"
            whole.add(context, f"{self.days_sql} AND ({condition})")
            whole.add(bounds, self.bounds_sql(context))
        kinds = [("days", "rows_then")]
        if by_calendar(whole.cube, aggregate.measure):
            # Days of any facts, not only of those that count.
            kinds.append(("all_days", f"flat_{whole.cube.name}"))
        for kind, facts in kinds:
            days = f"(SELECT DISTINCT {whole.role}_date AS day FROM {facts} WHERE {whole.role}_date IS NOT NULL)"
            there = self.contributing(name, days, context, bounds, of_time and condition)
            whole.add(f"{table}_{kind}", there)
        shown = "".join(f", r.g{i}" if i not in self.time_part else f", d.g{i}" for i in self.part)
        by = [f"r.g{i}" if i not in self.time_part else f"d.g{i}" for i in self.part]
        more = ""
        if name in MOVING and self.period:
            size = int(name.rpartition("_")[2])
            if whole.is_retail(of_time and condition):
                counted = with_retail_periods(bounds, size, self.period)
                whole.add(f"{bounds}_{table}", counted)
                bounds, more = f"{bounds}_{table}", ", any_value(b.periods) AS periods"
            else:
                there = periods_there(size, self.period, whole.model.fiscal_start)
                more = f", any_value({there}) AS periods"
        days = f" JOIN {table}_days d ON d.day = r.{whole.role}_date"
        rows = self.with_day(table, "rows_then", aggregate, self.part, days)
        sql = f"SELECT ({value}) AS v, 'then' AS found, count(*) AS facts{more}{shown} FROM {rows}"
        if more:
            sql += f" JOIN {bounds} b ON {self.on('d', 'b', self.time_part)}"
        sql += f" GROUP BY {', '.join(by)}" if by else ""
        whole.add(table, f"SELECT * FROM ({sql}) WHERE facts > 0")

    def with_day(self, table, rows, aggregate, part, days=""):
        """`rows` as `r`, joined with `days`, and for each balance by the calendar the day that counts:
        the last or first on which there are rows at all, as far as time goes."""
        whole, model = self.whole, self.whole.model
        measures = {m.name: m for m in by_calendar(whole.cube, aggregate.measure)}
        if not measures:
            return f"{rows} r{days}"
        day, role = day_of(model), day_of(model)[2:]
        moved = days and role == whole.role
        of_time = lambda text: text is not None and bool(is_time(text, role, whole.known))
        asked = [c for c in whole.question.where if isinstance(c, str) and of_time(c)]
        asked += [aggregate.condition] if of_time(aggregate.condition) else []
        by = [i for i in part if of_time(whole.question.groups[i])]
        groups = {i: f"d.g{i}" if moved else f"({whole.question.groups[i]})" for i in by}
        sql = f"(SELECT * EXCLUDE ({', '.join(f'day_of_{name}' for name in measures)}) FROM {rows}) r{days}"
        for name, measure in measures.items():
            edge = "max" if measure.over_time() == "last" else "min"
            where = [f"{day} >= 0"] + ([] if moved else asked)
            where += [measure.where] if of_time(measure.where) else []
            shown = "".join(f", {text} AS k{i}" for i, text in groups.items())
            source = f"flat_{whole.cube.name} r"
            source += f" JOIN {table}_all_days d ON d.day = r.{role}_date" if moved else ""
            found = f"SELECT {edge}({day}) AS day_of_{name}{shown} FROM {source}"
            found += f" WHERE {' AND '.join(f'({c})' for c in where)}"
            found += f" GROUP BY {', '.join(groups.values())}" if groups else ""
            whole.add(f"{table}_{name}", found)
            same = [f"{'d' if moved else 'r'}.g{i} IS NOT DISTINCT FROM {name}_day.k{i}" for i in by]
            sql += f" LEFT JOIN {table}_{name} {name}_day ON {' AND '.join(same) or 'TRUE'}"
        return sql

    def contributing(self, name, days, context, bounds, time_filter):
        """Per cell's time members the days whose facts count."""
        whole = self.whole
        retail = whole.is_retail(time_filter)
        if name in SHIFTED and retail:
            return self.moved_in_retail(name, days, context, time_filter)
        if name in SHIFTED:
            levels = whole.levels_with(time_filter)
            there = shift(name, "f.day", self.period, is_by_weeks(levels))
            if there is None:
                return (
                    f"SELECT day{self.groups_of('x', self.time_part)} FROM {context} x WHERE FALSE"
                )
            on = f"x.day = {there} AND x.day IN (SELECT day FROM begun)"
            if name.endswith("so_far"):
                on += f" AND {there} <= (SELECT last FROM span)"
            groups = self.groups_of("x", self.time_part)
            return f"SELECT DISTINCT f.day{groups} FROM {context} x, {days} f WHERE {on}"
        if name == "running_total":
            only = f" AND ({time_filter})" if time_filter else ""
            meeting = f"SELECT {whole.role}_date FROM days WHERE {whole.time_conditions}{only}"
            on = f"f.day <= {RETAIL_END if retail else END} AND f.day IN ({meeting})"
        elif name in MOVING and self.period is None:
            on = "FALSE"
        else:
            if retail and not (name.startswith("rolling_") and name[-1] in "dw"):
                first, last = retail_window(name, self.period, self.is_of_retail_weeks(time_filter))
            else:
                first, last = window(name, self.period, whole.model.fiscal_start)
            on = f"f.day BETWEEN {first} AND {last}"
        groups = self.groups_of("b", self.time_part)
        return f"SELECT DISTINCT f.day{groups} FROM {bounds} b JOIN {days} f ON {on}"

    def is_of_retail_weeks(self, time_filter):
        """Whether weeks or days are told apart, and not only months, quarters or years of them."""
        whole = self.whole
        groups = [whole.question.groups[i] for i in self.time_part]
        columns = [whole.known[name] for text in groups for name in columns_in(text, whole.known)]
        periods = {"retail_month", "retail_quarter", "retail_year", "weekday"}
        said = [c for c in whole.question.where if isinstance(c, str) and whole.time(c)]
        conditions = levels_in([*said, time_filter or "TRUE"], whole.known, whole.role)
        return any(c.level not in periods for c in columns) or "retail_week" in conditions

    def moved_in_retail(self, name, days, context, time_filter):
        """The days that are, moved along the retail calendar, those of the cell."""
        whole = self.whole
        said = [c for c in whole.question.where if isinstance(c, str) and whole.time(c)]
        said += [whole.question.groups[i] for i in self.time_part]
        weekdays = "weekday" in levels_in([*said, time_filter or "TRUE"], whole.known, whole.role)
        groups = self.groups_of("x", self.time_part)
        moves = retail_shift(name, self.period, self.is_of_retail_weeks(time_filter), weekdays)
        if moves is None:
            return f"SELECT day{groups} FROM {context} x WHERE FALSE"
        on = "x.day IN (SELECT day FROM begun_retail)"
        if name.endswith("so_far"):
            on += " AND m.moved <= (SELECT last FROM span)"
        return (
            f"SELECT DISTINCT f.day{groups} FROM {days} f JOIN ({moves}) m ON m.day = f.day "
            f"JOIN {context} x ON x.day = m.moved WHERE {on}"
        )

    # Values of cells

    def value(self, aggregate):
        """The SQL of an aggregate in the row of a cell."""
        calculation = aggregate.calculation
        if aggregate.measure is None:
            return self.of_rows(aggregate)
        if calculation is None:
            sql = self.at(aggregate, "value")
            return f"coalesce({sql}, 0)" if aggregate.form.endswith((" zero", " coalesce")) else sql
        if calculation in AT_OTHER_TIMES:
            if calculation in NEED_PERIOD and self.period is None:
                self.at(aggregate, calculation)
                return "NULL"
            return self.at(aggregate, calculation)
        if calculation in DIFFERENCES or calculation in RATES:
            return self.difference(aggregate, calculation)
        if calculation in MOVING:
            return self.moving_average(aggregate, calculation)
        if calculation not in SHARES and (of := level_of_share(calculation, self.whole.known)):
            return self.share_of_level(aggregate, of)
        return {
            "share_of_total": self.share_of_total,
            "share_of_parent": self.share_of_parent,
            "rank": self.rank,
            "pareto_class": self.pareto_class,
        }[calculation](aggregate)

    def of_rows(self, aggregate):
        key = (aggregate, "rows")
        if key not in self.series_names:
            self.series_names[key] = table = f"series{self.k}_{len(self.series_names)}"
            value = aggregate_over_flat(self.whole.model, self.whole.cube, aggregate)
            sql = f"SELECT {value} AS v, 'now' AS found{self.groups_of('r')} FROM rows_now r{self.group_by('r')}"
            if not self.part:
                sql = f"SELECT * FROM ({sql}) WHERE (SELECT count(*) FROM rows_now) > 0"
            self.whole.add(table, sql)
        table = self.series_names[key]
        return self.found(table, aggregate_over_flat(self.whole.model, self.whole.cube, aggregate))

    def at(self, aggregate, name):
        """The value of a series; without a contributing fact that of the measure over nothing."""
        table = self.series(aggregate, name)
        return self.found(table, measure_sql(self.whole.model, self.whole.cube, aggregate.measure))

    def found(self, table, nothing):
        empty = f"(SELECT {nothing} FROM flat_{self.whole.cube.name} WHERE FALSE)"
        return f"(CASE WHEN {table}.found IS NULL THEN {empty} ELSE {table}.v END)"

    def measure(self, aggregate):
        return self.whole.cube.measure(aggregate.measure)

    def difference(self, aggregate, calculation):
        now, then = DIFFERENCES.get(calculation) or RATES[calculation]
        now, then = self.at(aggregate, now), self.at(aggregate, then)
        if calculation in NEED_PERIOD and self.period is None:
            return "NULL"
        change = f"({now} - {then})"
        if self.measure(aggregate).additive:
            both = f"{now} IS NULL AND {then} IS NULL"
            change = (
                f"(CASE WHEN {both} THEN NULL ELSE coalesce({now}, 0) - coalesce({then}, 0) END)"
            )
        if calculation in DIFFERENCES:
            return change
        return f"(CASE WHEN {then} > 0 THEN CAST({change} AS DOUBLE) / CAST({then} AS DOUBLE) END)"

    def moving_average(self, aggregate, calculation):
        table = self.series(aggregate, calculation)
        if self.period is None:
            return "NULL"
        scale = scale_of(self.measure(aggregate).type)
        if scale is None:
            return f"(CAST({table}.v AS DOUBLE) / {table}.periods)"
        return f"({mean_sql(f'{table}.v', f'{table}.periods', scale, max(scale + 4, 6))})"

    def share_of_total(self, aggregate):
        now = self.at(aggregate, "value")
        total = measure_sql(
            self.whole.model, self.whole.cube, aggregate.measure, aggregate.condition
        )
        rows = self.with_day(f"total_{len(self.whole.tables)}", "rows_now", aggregate, ())
        return self.share(now, f"(SELECT ({total}) FROM {rows})")

    def share(self, part, whole):
        return f"(CAST({part} AS DOUBLE) / nullif(CAST({whole} AS DOUBLE), 0))"

    def subject(self):
        """The subject's finest level, the groups that show it, and the groups that stay without it."""
        whole = self.whole
        subject = subject_of(whole.question, whole.known, self.part)
        if subject is None:
            return None, None, [], []
        level, groups = finest_of(
            whole.model, whole.cube, whole.question, whole.known, self.part, subject, whole.role
        )
        return subject, level, groups, [i for i in self.part if i not in groups]

    def share_of_parent(self, aggregate):
        """The parent's facts are those equal in what stays, below a parent the cell's facts have."""
        whole = self.whole
        now = self.at(aggregate, "value")
        total = measure_sql(whole.model, whole.cube, aggregate.measure, aggregate.condition)
        subject, level, _, rest = self.subject()
        same = self.on("c", "r", rest)
        left = subject and any(
            (whole.known[whole.question.groups[i]].role or Nobody).name == subject for i in rest
        )
        parent = subject and not left and coarser(whole.model, whole.cube, subject, level)
        if parent:
            same += self.under_one(parent)
        return self.share(now, f"(SELECT ({total}) FROM rows_now r WHERE {same})")

    def under_one(self, key):
        """Facts under the member that all facts of the cell are under, if there is one."""
        own = f"FROM rows_now own WHERE {self.on('c', 'own')}"
        return (
            f" AND r.{key} = (SELECT min(own.{key}) {own})"
            f" AND (SELECT count(DISTINCT own.{key}) {own}) = 1"
        )

    def share_of_level(self, aggregate, of):
        """Of the level's dimension only that level and what is above it stays."""
        whole = self.whole
        now = self.at(aggregate, "value")
        is_part, rest = parts_of_level(
            whole.model, whole.cube, whole.question, whole.known, self.part, of
        )
        if not is_part:
            return "NULL"
        total = measure_sql(whole.model, whole.cube, aggregate.measure, aggregate.condition)
        same = self.on("c", "r", rest) + self.under_one(f"{of.name}_key")
        return self.share(now, f"(SELECT ({total}) FROM rows_now r WHERE {same})")

    def rank(self, aggregate):
        now = self.at(aggregate, "value")
        *_, rest = self.subject()
        by = ", ".join(f"c.g{i}" for i in rest) or "1"
        return f"(CASE WHEN {now} IS NOT NULL THEN rank() OVER (PARTITION BY {by} ORDER BY {now} DESC NULLS LAST) END)"

    def pareto_class(self, aggregate):
        now = self.at(aggregate, "value")
        *_, rest = self.subject()
        by = ", ".join(f"c.g{i}" for i in rest) or "1"
        gain = f"(CASE WHEN {now} > 0 THEN {now} ELSE 0 END)"
        upto = f"sum({gain}) OVER (PARTITION BY {by} ORDER BY {now} DESC NULLS LAST RANGE UNBOUNDED PRECEDING)"
        level = f"sum({gain}) OVER (PARTITION BY {by}, {now})"
        before = f"CAST({upto} - {level} AS DOUBLE) / CAST(sum({gain}) OVER (PARTITION BY {by}) AS DOUBLE)"
        return (
            f"(CASE WHEN {now} IS NULL THEN NULL WHEN {now} <= 0 THEN 'C' WHEN {before} < 0.8 THEN 'A' "
            f"WHEN {before} < 0.95 THEN 'B' ELSE 'C' END)"
        )

    def finish(self):
        """The cells that are shown, with every series beside them."""
        whole = self.whole
        tables = dict.fromkeys(self.series_names.values())
        shown = [f"SELECT 1 AS one{self.groups_of('s')} FROM {table} s" for table in tables]
        if not self.part:
            shown.append("SELECT 1 AS one")
        whole.add(self.named("cells"), " UNION ".join(shown))
        sql = f"{self.named('cells')} c"
        for table in tables:
            sql += f" LEFT JOIN {table} ON {self.on('c', table)}"
        return sql


class Nobody:
    name = None


def compares_weekdays(model, question):
    """Whether days are compared with other weekdays although weekdays are told apart: that is refused."""
    cube = next(cube for cube in model.cubes if cube.name == question.cube)
    known = {column.name: column for column in model.flat_columns(cube)}
    role = time_role(cube, question, known)
    where = [c for c in question.where if isinstance(c, str) and is_time(c, role, known)]
    periods = [period_of(model, cube, question, known, role, part)[0] for part in question.all_sets()]
    for aggregate in question.aggregates():
        texts = [*question.groups, *where]
        if aggregate.condition is not None and is_time(aggregate.condition, role, known):
            texts.append(aggregate.condition)
        levels = levels_in(texts, known, role)
        if "weekday" not in levels:
            continue
        calculation = aggregate.calculation or ""
        pair = DIFFERENCES.get(calculation) or RATES.get(calculation) or (calculation,)
        of_retail = levels & set(RETAIL_LEVELS)
        if any(series in ("prior_year", "prior_year_so_far") for series in pair):
            if not is_by_weeks(levels) and not of_retail:
                return True
        weeks = [None, "week", *(RETAIL_LEVELS if of_retail else [])]
        if any(series in ("prior_period", "prior_period_so_far") for series in pair):
            if any(period not in weeks for period in periods):
                return True
    return False


def looks_beyond_cells(model, question):
    """Whether cells are computed from more than their own rows."""
    cube = next(cube for cube in model.cubes if cube.name == question.cube)
    measured = [aggregate for aggregate in question.aggregates() if aggregate.measure]
    return any(a.calculation or by_calendar(cube, a.measure) for a in measured)


def calculation_sql(model, question):
    return Expansion(model, question).sql()
