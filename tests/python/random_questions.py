"""Random questions to the cube of a random model."""

from dataclasses import replace
from itertools import combinations

from cube_calculations import (
    AT_OTHER_TIMES,
    CALCULATIONS,
    MOVING,
    NEED_PERIOD,
    PLACES,
    SHARES,
    date_roles,
    is_time,
    level_of_share,
    parts_of_level,
    period_of,
    subject_of,
    time_role,
)
from cube_expansion import by_calendar, day_of
from cube_models import RETAIL_LEVELS, scale_of
from cube_questions import (
    BARE,
    PLAIN,
    Aggregate,
    Listing,
    Members,
    Nested,
    Order,
    Pivot,
    Question,
    Value,
    columns_in,
)

# SQL around questions: over one with one group, one with two, two with the same group, and two with
# different levels as groups.
OVER_ONE = [
    "WITH c AS ({0}) SELECT g0, v0, rank() OVER (ORDER BY v0 DESC NULLS LAST) AS place FROM c",
    "WITH c AS ({0}) SELECT g0, CAST(v0 AS DOUBLE) / nullif((SELECT CAST(sum(v0) AS DOUBLE) FROM c), 0) AS s FROM c",
    "SELECT count(*) AS n FROM ({0}) AS c WHERE v0 > (SELECT avg(v0) FROM ({0}) AS d)",
    "SELECT count(*) AS n, sum(v0) AS s FROM ({0}) AS c WHERE 1 = 2",
]
OVER_TWO = [
    "WITH c AS ({0}) SELECT g0, g1, sum(v0) OVER (PARTITION BY g0 ORDER BY g1 NULLS LAST) AS s FROM c",
    "SELECT g1, max(v0) AS most, count(*) AS members FROM ({0}) AS c GROUP BY g1",
    "SELECT DISTINCT g1 FROM ({0}) AS c WHERE v0 IS NOT NULL",
]
OVER_BOTH = [
    "WITH a AS ({0}), b AS ({1}) SELECT coalesce(a.g0, b.g0) AS g, a.v0, b.v0 AS v1 FROM a FULL JOIN b ON a.g0 = b.g0",
    "SELECT g0, CAST(v0 AS DOUBLE) AS v0, 1 AS part FROM ({0}) AS a UNION ALL SELECT g0, CAST(v0 AS DOUBLE), 2 FROM ({1}) AS b",
]
OVER_LEVELS = [
    "SELECT g0, 1 AS part FROM ({0}) AS a UNION ALL SELECT g0, 2 FROM ({1}) AS b ORDER BY part DESC, g0 NULLS LAST LIMIT 5",
    "SELECT part, max(g0) AS m, count(*) AS n FROM (SELECT g0, 1 AS part FROM ({0}) AS a UNION ALL SELECT g0, 2 FROM ({1}) AS b) AS u GROUP BY part",
]
OVER_SETS = [
    "SELECT g0, g1, v0 FROM ({0}) AS c WHERE g0 IS NULL",
    "SELECT g0, g1, v0 FROM ({0}) AS c WHERE g1 IS NOT NULL AND t0 = 1",
    "SELECT t0, t1, count(*) AS n, max(v0) AS most FROM ({0}) AS c GROUP BY t0, t1",
    "SELECT g0, v0 FROM ({0}) AS c WHERE t1 = 1 AND v0 > 3",
]
LENIENT = ["SUM", "AVG", "MIN", "MAX", "ANY_VALUE"]


class Asker:
    """Makes questions to one cube, with members that there are."""

    # Whether to ask for balances that look at the days of all facts.
    by_calendar = False

    def __init__(self, model, cube, database):
        if not self.by_calendar or not date_roles(cube):
            own = [m for m in cube.measures if not by_calendar(cube, m.name)]
            cube = replace(cube, measures=own)
        self.model, self.cube = model, cube
        self.columns = model.flat_columns(cube)
        self.known = {column.name: column for column in self.columns}
        relation = f"flat_{cube.name}"
        self.values = {
            name: [
                row[0]
                for row in database.execute(
                    f"SELECT DISTINCT {name} FROM {relation} WHERE {name} IS NOT NULL ORDER BY 1"
                ).fetchall()
            ]
            for name in self.known
        }

    def is_number(self, measure):
        return measure.type in ("int", "double") or scale_of(measure.type) is not None

    # Conditions and groups

    def literal(self, dice, column):
        values = self.values[column.name]
        if not values:
            return {"text": "'none'", "int": "1", "date": "DATE '2024-01-01'"}.get(column.type, "1")
        return sql_literal(dice.choice(values))

    def condition(self, dice, columns=None, depth=0):
        """A condition over `columns`, or over any."""
        columns = columns or self.columns
        if depth == 0 and dice.random() < 0.2:
            left, right = (self.condition(dice, columns, 1) for _ in range(2))
            return dice.choice(
                [f"({left}) OR ({right})", f"NOT ({left})", f"({left}) AND NOT ({right})"]
            )
        column = dice.choice(columns)
        name, literal = column.name, self.literal(dice, column)
        if column.kind == "attribute" and dice.random() < 0.2:
            return f"{name} IS {dice.choice(['', 'NOT '])}NULL"
        shapes = [
            "{0} = {1}",
            "{0} <> {1}",
            "{0} IN ({1}, {2})",
            "{0} NOT IN ({1}, {2})",
            "{0} >= {1}",
        ]
        shapes += ["{0} < {1}", "{0} BETWEEN {1} AND {2}"]
        if column.type == "text":
            shapes += [
                "{0} LIKE {3}",
                "upper({0}) = upper({1})",
                "substr({0}, 1, 1) = substr({1}, 1, 1)",
            ]
        if column.type == "int":
            shapes += ["{0} % 2 = 0", "{0} + 1 > {1}"]
        start = literal[:3] if column.type == "text" else ""
        pattern = (start.replace("%", "").rstrip("'") or "'") + "%'"
        return dice.choice(shapes).format(name, literal, self.literal(dice, column), pattern)

    def group(self, dice):
        levels = [c for c in self.columns if c.kind == "level"]
        others = [c for c in self.columns if c.kind != "level"]
        column = dice.choice(levels) if dice.random() < 0.65 else dice.choice(others)
        if dice.random() < 0.8:
            return column.name
        shapes = {
            "text": [
                "substr({0}, 1, 1)",
                "upper({0})",
                "length({0})",
                "concat({0}, '/', {1})",
                "coalesce({0}, 'none')",
            ],
            "int": [
                "{0} % 10",
                "{0} + 1",
                "CASE WHEN {2} THEN 'yes' ELSE 'no' END",
                "coalesce({0}, 0)",
            ],
            "date": ["extract(year FROM {0})", "{0} IS NULL"],
        }.get(column.type, ["{0} IS NULL"])
        return dice.choice(shapes).format(
            column.name, dice.choice(levels).name, self.condition(dice, None, 1)
        )

    def groups(self, dice, count):
        """Groups that speak of different levels: key and caption may be one column, and the engine
        takes one column in two grouping sets for the same in all of them when it sorts."""
        chosen, spoken_of = [], set()
        while len(chosen) < count:
            group = self.group(dice)
            columns = [self.known[name] for name in columns_in(group, self.known)]
            levels = {(c.role and c.role.name, c.level or c.name) for c in columns}
            if not levels & spoken_of:
                chosen.append(group)
                spoken_of |= levels
        return tuple(chosen)

    def grouping(self, dice, groups):
        """Grouping sets over `groups` and how they are written, or none."""
        places = range(len(groups))
        written = dice.choice(["ROLLUP", "CUBE", "sets"])
        if written == "ROLLUP":
            sets = [tuple(places)[:count] for count in range(len(groups), -1, -1)]
        else:
            sets = [part for count in places for part in combinations(places, count)]
            sets.append(tuple(places))
            if written == "sets":
                sets = [part for part in sets if dice.random() < 0.6]
                missing = set(places) - {place for part in sets for place in part}
                sets += [tuple(sorted(missing))] if missing or not sets else []
        return tuple(sets), written

    # Aggregates and values

    def aggregate(self, dice, schema, numeric=False, measures=None):
        if measures is None and dice.random() < 0.15:
            return self.level_aggregate(dice, numeric)
        measures = [m for m in measures or self.cube.measures if self.is_number(m) or not numeric]
        measure = dice.choice(measures)
        form = self.form(dice, schema, measure)
        if dice.random() >= 0.3:
            if measure.additive and form in ("SUM", "AGG") and dice.random() < 0.08:
                return Aggregate(f"{form} coalesce", measure.name)
            return Aggregate(form, measure.name)
        wrap = dice.choice(["", " case", " case"])
        if measure.additive and form in ("SUM", "AGG") and dice.random() < 0.4:
            wrap = " zero"
        return Aggregate(form + wrap, measure.name, condition=self.condition(dice))

    def form(self, dice, schema, measure):
        forms = ["AGG", "AGG", "MEASURE", "AGGREGATE"]
        if measure.kind in PLAIN and not measure.over_time():
            forms += [PLAIN[measure.kind]] * 2
        if measure.kind in ("variance", "stddev"):
            name = "VAR" if measure.kind == "variance" else "STDDEV"
            forms.append(name + ("_POP" if measure.options.get("population") else ""))
        if measure.kind == "distinct" and not measure.options.get("approximate"):
            forms += ["DISTINCT"] * 2
        if schema == "cubes_bi":
            return dice.choice(LENIENT if self.is_number(measure) else ["MIN", "MAX", "ANY_VALUE"])
        return dice.choice(forms)

    def level_aggregate(self, dice, numeric):
        condition = self.condition(dice) if dice.random() < 0.2 else None
        form = dice.choice(
            [
                "rows",
                "rows_if",
                "COUNT(DISTINCT {})",
                "COUNT(DISTINCT {})",
                "COUNT({})",
                "MIN({})",
                "MAX({})",
            ]
        )
        if numeric and form[:3] in ("MIN", "MAX"):
            form = "rows"
        if form == "rows_if":
            return Aggregate(form, condition=condition or self.condition(dice))
        if form == "rows":
            return Aggregate(form, condition=condition)
        return Aggregate(form, over=self.group(dice), condition=condition)

    def value(self, dice, schema):
        if dice.random() < 0.75:
            return Value("{0}", (self.aggregate(dice, schema),))
        one, two = (self.aggregate(dice, schema, numeric=True) for _ in range(2))
        shapes = [
            ("{0} - {1}", 2),
            ("{0} + {1}", 2),
            ("coalesce({0}, 0)", 1),
            ("CASE WHEN {0} > 10 THEN 'big' ELSE 'small' END", 1),
            ("CAST({0} AS DOUBLE) / nullif(CAST({1} AS DOUBLE), 0)", 2),
            ("{0} IS NULL", 1),
        ]
        text, count = dice.choice(shapes)
        return Value(text, (one, two)[:count])

    def having(self, dice, schema, measures=None):
        aggregate = self.aggregate(dice, schema, True, measures)
        while aggregate.measure and self.is_noisy(aggregate.measure):
            aggregate = self.aggregate(dice, schema, True, measures)
        threshold = dice.choice([0, 1, 3, 20, 300, 4000])
        return Value(f"{{0}} {dice.choice(['>', '<', '>=', '<>'])} {threshold}", (aggregate,))

    def order(self, dice, question):
        """An order by all columns, so that there is just one."""
        count = len(question.groups)
        columns = [(f"g{i}", False) for i in range(count)]
        for index, value in enumerate(question.values):
            if not any(self.is_noisy(a.measure) for a in value.aggregates if a.measure):
                columns.append((f"v{index}", self.is_double(value)))
        if question.sets is not None:
            columns += [(f"t{i}", False) for i in range(count)]
        dice.shuffle(columns)
        nulls = [None, None, "FIRST", "LAST"]
        return tuple(
            Order(c, dice.random() < 0.5, dice.choice(nulls), double) for c, double in columns
        )

    def is_double(self, value):
        if "CASE" in value.text or "NULL" in value.text:
            return False
        return "DOUBLE" in value.text or any(map(self.is_double_aggregate, value.aggregates))

    def is_double_aggregate(self, aggregate):
        calculation = aggregate.calculation or ""
        if aggregate.measure is None or calculation in PLACES:
            return False
        if calculation.startswith("share_of_") or calculation.endswith("_pct"):
            return True
        kind = self.cube.measure(aggregate.measure).type
        return kind == "double" or kind == "int" and calculation in MOVING

    def is_noisy(self, name):
        """Whether the last digits of a measure depend on the order of rows, or on how a decimal of
        more digits than a double has becomes one."""
        measure = self.cube.measure(name)
        if measure.formula is None:
            return measure.kind in ("median", "quantile", "variance", "stddev")
        parts = columns_in(measure.text, {known.name for known in self.cube.measures})
        wide = measure.type == "double" and "ledger" in "".join(parts)
        return wide or any(self.is_noisy(part) for part in parts)

    def question(self, dice):
        kinds = [self.plain] * 10 + [self.over_sets] * 4 + [self.nested] * 3 + [self.listing] * 1
        return dice.choice(kinds)(dice)

    def conditions(self, dice, most=2):
        found = [self.condition(dice) for _ in range(dice.randint(0, most))]
        if dice.random() < 0.06:
            column = dice.choice([c.name for c in self.columns if c.kind in ("level", "key")])
            measures = [m for m in self.cube.measures if self.is_number(m)]
            inner = Question(
                self.cube.name,
                groups=(column,),
                values=(),
                having=(self.having(dice, "cubes", measures),),
            )
            found.append(Members(column, dice.random() < 0.3, inner))
        return tuple(found)

    def plain(self, dice):
        schema = dice.choice(["cubes", "cubes", "cubes_bi"])
        groups = self.groups(dice, dice.choice([0, 1, 1, 1, 2, 2, 3]))
        values = tuple(self.value(dice, schema) for _ in range(dice.randint(1, 3)))
        having = (self.having(dice, schema),) if groups and dice.random() < 0.2 else ()
        if schema == "cubes_bi" and groups and dice.random() < 0.15:
            numeric = [m.name for m in self.cube.measures if self.is_number(m)]
            having += (Value("{0} > 20", (Aggregate(BARE, dice.choice(numeric)),)),)
        source = dice.choice(["direct"] * 6 + ["subquery", "cte"])
        question = Question(
            self.cube.name,
            schema,
            self.conditions(dice),
            groups,
            None,
            dice.choice(["list", "ordinal"]),
            True,
            values,
            having,
            source=source,
        )
        return self.maybe_ordered(dice, question)

    def maybe_ordered(self, dice, question):
        if not question.groups or dice.random() < 0.6:
            return question
        changes = {"order": self.order(dice, question)}
        if dice.random() < 0.5:
            changes["limit"] = dice.randint(1, 8)
            changes["offset"] = dice.choice([None, None, 1, 3])
        return Question(**{**vars(question), **changes})

    def over_sets(self, dice):
        schema = dice.choice(["cubes", "cubes", "cubes_bi"])
        groups = self.groups(dice, dice.choice([1, 2, 2, 3]))
        sets, written = self.grouping(dice, groups)
        values = tuple(self.value(dice, schema) for _ in range(dice.randint(1, 3)))
        having = (self.having(dice, schema),) if dice.random() < 0.1 else ()
        plain = [group for group in groups if group in self.known]
        if plain and dice.random() < 0.15:
            # Over a group: it does not hold for the totals, where the group is NULL.
            having += (Value(self.condition(dice, [self.known[dice.choice(plain)]], 1), ()),)
        question = Question(
            self.cube.name,
            schema,
            self.conditions(dice, 1),
            groups,
            sets,
            written,
            True,
            values,
            having,
        )
        return self.maybe_ordered(dice, question)

    def aggregated(self, dice, groups, sets=None, written="list"):
        """One exact number, v0, per group."""
        exact = [m for m in self.cube.measures if self.is_number(m) and m.type != "double"]
        value = Value("{0}", (Aggregate("AGG", dice.choice(exact).name),))
        where = self.conditions(dice, 1)
        return Question(self.cube.name, "cubes", where, groups, sets, written, True, (value,))

    def nested(self, dice):
        one, two = self.groups(dice, 1), self.groups(dice, 2)
        texts = [c.name for c in self.columns if c.kind == "level" and c.type == "text"]
        shapes = [(text, (one,)) for text in OVER_ONE] + [(text, (two,)) for text in OVER_TWO]
        shapes += [(text, (one, one)) for text in OVER_BOTH]
        shapes += [(text, ((dice.choice(texts),), (dice.choice(texts),))) for text in OVER_LEVELS]
        shapes += [(text, None) for text in OVER_SETS]
        text, parts = dice.choice(shapes)
        if parts is None:
            sets, written = self.grouping(dice, two)
            return Nested(text, (self.aggregated(dice, two, sets, written),))
        parts = tuple(self.aggregated(dice, groups) for groups in parts)
        return Nested(text, parts, "ORDER BY part" in text)

    def listing(self, dice):
        columns = [
            c.name for c in dice.sample(self.columns, min(len(self.columns), dice.randint(1, 4)))
        ]
        shown, where = ", ".join(columns), " AND ".join(
            f"({c})" for c in self.conditions_in_text(dice)
        )
        where = f" WHERE {where}" if where else ""
        name, measure = self.cube.name, dice.choice(self.cube.measures).name
        own = [c for c in self.model.fact.types if c not in self.known]
        of_fact = ", ".join(own)
        summed = dice.choice([c for c in own if self.model.fact.types[c] in ("int", "double")])
        pairs = [
            (
                f"SELECT DISTINCT {shown} FROM cubes.{name}{where}",
                f"SELECT DISTINCT {shown} FROM flat_{name}{where}",
            ),
            (
                f"SELECT {shown}, {measure} FROM cubes.{name}{where}",
                f"SELECT {shown}, NULL FROM flat_{name}{where}",
            ),
            (
                f'SELECT {shown}, {of_fact} FROM cubes."{name}$detail"{where}',
                f"SELECT {shown}, {', '.join(f'f_{c}' for c in own)} FROM flat_{name}{where}",
            ),
            (
                f'SELECT {columns[0]}, SUM({summed}) AS s, COUNT(*) AS n FROM cubes."{name}$detail"{where} GROUP BY {columns[0]}',
                f"SELECT {columns[0]}, SUM(f_{summed}), COUNT(*) FROM flat_{name}{where} GROUP BY {columns[0]}",
            ),
        ]
        return Listing(name, *dice.choice(pairs))

    def conditions_in_text(self, dice):
        return [self.condition(dice) for _ in range(dice.randint(0, 2))]

    def pivot(self, dice):
        levels = [c for c in self.columns if c.kind == "level"]
        levels += dice.sample([c for c in self.columns if c.kind in ("key", "locale")], 1)
        small = [c for c in levels if len(self.values[c.name]) <= 40]
        rows = dice.sample(levels, min(len(levels), dice.choice([0, 1, 1, 2])))
        across = [c for c in small if c not in rows]
        columns = dice.sample(across, min(len(across), dice.choice([0, 0, 1, 1, 2])))
        shown = [m.name for m in self.cube.measures]
        measures = tuple(dice.sample(shown, min(len(shown), dice.randint(1, 3))))
        names = tuple(c.name for c in rows)
        sort = []
        for by in dice.sample(names + measures, len(names + measures)):
            if dice.random() < 0.35 and (
                by not in measures or self.is_number(self.cube.measure(by))
            ):
                sort.append((by, dice.random() < 0.5))
        dotted = {
            c.name: f"{c.role.name}.{c.name[len(c.role.name) + 1:]}"
            for c in self.columns
            if c.role is not None and dice.random() < 0.5
        }
        limit = dice.randint(1, 6) if dice.random() < 0.3 else None
        filters = tuple(self.conditions_in_text(dice))
        totals = dice.random() < 0.5
        return Pivot(
            self.cube.name,
            names,
            tuple(c.name for c in columns),
            measures,
            filters,
            tuple(sort),
            limit,
            totals,
            dotted,
        )


def sql_literal(value):
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, int):
        return str(value)
    if hasattr(value, "isoformat"):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, float):
        return repr(value)
    return f"CAST('{value}' AS DECIMAL(38,{-value.as_tuple().exponent}))"


TIME_GROUPS = [
    (),
    ("year",),
    ("half",),
    ("quarter",),
    ("month",),
    ("week",),
    ("day",),
    ("fiscal_year",),
    ("fiscal_quarter",),
    ("year", "month"),
    ("year", "quarter"),
    ("year", "half", "quarter"),
    ("quarter", "month"),
    ("fiscal_year", "fiscal_quarter"),
    ("fiscal_year", "month"),
    ("month", "day"),
    ("week", "day"),
    ("year", "week"),
    ("weekday",),
    ("year", "weekday"),
]
RETAIL_GROUPS = [
    ("retail_year",),
    ("retail_month",),
    ("retail_week",),
    ("retail_year", "retail_quarter"),
    ("retail_quarter", "retail_month"),
    ("retail_week", "day"),
    ("retail_quarter",),
    ("retail_year", "retail_month"),
    ("retail_year", "retail_week"),
    ("retail_month", "retail_week"),
    ("retail_month", "day"),
    ("retail_year", "weekday"),
    ("retail_month", "weekday"),
    # Of two calendars.
    ("retail_month", "month"),
    ("retail_year", "week"),
]


class CalculationAsker(Asker):
    """Questions with calculations: each condition is over one date role, or over none."""

    by_calendar = True

    def columns_of(self, role):
        """Columns of a date role by its name; without one, all columns that are of no date role."""
        if role is not None:
            return [c for c in self.columns if c.role is not None and c.role.name == role]
        return [c for c in self.columns if c.role is None or c.role.dimension != "date"]

    def question(self, dice):
        roles = date_roles(self.cube)
        if not roles:
            return super().question(dice)
        while True:
            question = self.calculations(dice, dice.choice(roles))
            if question is not None:
                return question

    def calculations(self, dice, role):
        groups = self.time_groups(dice, role) + self.other_groups(dice)
        sets, written = None, dice.choice(["list", "ordinal"])
        if groups and len(groups) <= 3 and dice.random() < 0.3:
            sets, written = self.grouping(dice, groups)
        schema = dice.choice(["cubes", "cubes", "cubes_bi"])
        of_retail = any(f"{role}_retail" in group for group in groups)
        where = tuple(
            self.time_condition(dice, role, of_retail)
            for _ in range(dice.choice([0, 0, 1, 1, 2]))
        )
        if dice.random() < 0.4:
            where += (self.condition(dice, self.columns_of(None)),)
        if dice.random() < 0.1 and len(date_roles(self.cube)) > 1:
            where += (self.condition(dice, self.columns_of(dice.choice(date_roles(self.cube)))),)
        bare = Question(self.cube.name, schema, where, groups, sets, written)
        role = time_role(self.cube, bare, self.known)
        if any(is_time(text, role, self.known) is None for text in where + groups):
            return None
        values = tuple(self.calculated(dice, bare, role) for _ in range(dice.randint(1, 3)))
        if dice.random() < 0.5:
            values += (Value("{0}", (self.aggregate(dice, schema, measures=self.cube.measures),)),)
            if any(self.mixed(value, role) for value in values):
                return None
        if any(by_calendar(self.cube, a.measure) for v in values for a in v.aggregates if a.measure):
            days = day_of(self.model)[2:]
            if any(is_time(text, days, self.known) is None for text in where + groups):
                return None
            if any(self.mixed(value, days) for value in values):
                return None
        having = ()
        if groups and dice.random() < 0.1:
            having = (
                Value("{0} > 1", (self.calculated(dice, bare, role, numeric=True).aggregates)),
            )
        question = Question(
            self.cube.name, schema, where, groups, sets, written, True, values, having
        )
        if dice.random() < 0.1:
            question = replace(question, relation=f"{self.cube.name}$calculations")
        return self.maybe_ordered(dice, question)

    def mixed(self, value, role):
        conditions = [a.condition for a in value.aggregates if a.condition]
        return any(is_time(condition, role, self.known) is None for condition in conditions)

    def time_groups(self, dice, role):
        of_retail = self.model.retail and dice.random() < 0.4
        levels = dice.choice(RETAIL_GROUPS if of_retail else TIME_GROUPS)
        return tuple(f"{role}_{level}{dice.choice(['', '', '_key'])}" for level in levels)

    def other_groups(self, dice):
        columns = [c for c in self.columns_of(None) if c.kind in ("level", "key", "locale")]
        count = dice.choice([0, 0, 1, 1, 2])
        chosen = dice.sample(columns, min(len(columns), count))
        return tuple(column.name for column in chosen)

    def time_condition(self, dice, role, of_retail=False):
        columns = [c for c in self.columns_of(role) if c.level or c.name == f"{role}_date"]
        if of_retail and dice.random() < 0.9:
            # One of the other calendar is refused.
            fitting = (None, "day", "weekday", *RETAIL_LEVELS)
            columns = [c for c in columns if c.level in fitting]
        elif dice.random() < 0.4:
            columns = [c for c in columns if c.level in ("year", "fiscal_year", "half")]
        return self.condition(dice, columns)

    def calculated(self, dice, question, role, numeric=False):
        """A measure with a calculation that the contract allows in the question."""
        measures = [m for m in self.cube.measures if self.is_number(m) or not numeric]
        if numeric:
            measures = [m for m in measures if not self.is_noisy(m.name)]
        allowed = {
            calculation: [m for m in measures if self.allows(calculation, m, question, role)]
            for calculation in CALCULATIONS + self.level_shares(dice)
            if not (numeric and calculation == "pareto_class")
        }
        calculation = dice.choice([name for name, fitting in allowed.items() if fitting])
        measure = dice.choice(allowed[calculation])
        condition = None
        if dice.random() < 0.2:
            condition = self.condition(dice, self.columns_of(dice.choice([None, role])))
        form = "AGG"
        if question.schema == "cubes_bi" and self.is_number(measure):
            form = (
                dice.choice(["SUM", "AVG", "MIN", "MAX"])
                if calculation != "pareto_class"
                else "MAX"
            )
        return Value("{0}", (Aggregate(form, measure.name, calculation, condition=condition),))

    def level_shares(self, dice):
        """Shares of some levels that lie on a hierarchy."""
        levels = [
            c.name
            for c in self.columns
            if c.kind == "level"
            and c.role is not None
            and any(c.level in path for path in self.model.hierarchies(self.cube, c.role).values())
        ]
        return [f"share_of_{name}" for name in dice.sample(levels, min(len(levels), 8))]

    def allows(self, calculation, measure, question, role):
        sets = question.all_sets()
        if calculation == "share_of_parent" and by_calendar(self.cube, measure.name):
            return False
        if calculation not in CALCULATIONS:
            of = level_of_share(calculation, self.known)
            parts = [
                parts_of_level(self.model, self.cube, question, self.known, part, of)[0]
                for part in sets
            ]
            known = self.is_number(measure) and not by_calendar(self.cube, measure.name)
            return known and any(parts)
        periods = [
            period_of(self.model, self.cube, question, self.known, role, part)[0] for part in sets
        ]
        if calculation in NEED_PERIOD and not any(periods):
            return False
        if calculation in AT_OTHER_TIMES:
            return True
        if not self.is_number(measure):
            return False
        if calculation in MOVING or calculation == "pareto_class":
            if not measure.additive:
                return False
        if calculation in MOVING and (scale_of(measure.type) or 0) > 6:
            return False
        if calculation in PLACES and self.is_noisy(measure.name):
            return False
        if calculation in ("share_of_parent", *PLACES):
            return all(self.has_clear_subject(question, role, part) for part in sets)
        return True

    def has_clear_subject(self, question, role, part):
        """Whether the subject's levels in the set lie on one hierarchy."""
        subject = subject_of(question, self.known, part)
        columns = [self.known[question.groups[i]] for i in part]
        own = [c for c in columns if (c.role.name if c.role else c.level) == subject]
        levels = {c.level for c in own}
        if not own or own[0].role is None:
            return True
        hierarchies = self.model.hierarchies(self.cube, own[0].role).values()
        if len(levels) > 1 and not any(levels <= set(hierarchy) for hierarchy in hierarchies):
            return False
        return True
