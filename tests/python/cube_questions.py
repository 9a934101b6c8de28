"""Questions to a cube as small trees, and how they are written for Starling."""

import re
from dataclasses import dataclass, field, replace

PLAIN = {
    "sum": "SUM",
    "avg": "AVG",
    "min": "MIN",
    "max": "MAX",
    "count": "COUNT",
    "median": "MEDIAN",
    "first": "FIRST_VALUE",
    "last": "LAST_VALUE",
}
# A measure without an aggregate, as it stands in WHERE of the lenient schema.
BARE = "bare"
TOKEN = re.compile(r"'(?:[^']|'')*'|[A-Za-z_]\w*")


def columns_in(text, known):
    """The columns that `text` names, in order."""
    found = (match[0] for match in TOKEN.finditer(text))
    return list(dict.fromkeys(name for name in found if name in known))


def renamed(text, names):
    """`text` with every name replaced that `names` has something for."""
    return TOKEN.sub(lambda match: names.get(match[0], match[0]), text)


@dataclass(frozen=True)
class Aggregate:
    """An aggregate as a question writes it.

    `form` is `AGG` or another function over `measure`, `case` or `zero` for one inside CASE, and for
    aggregates without a measure `rows`, `rows_if`, or a function over the level expression `over`.
    """

    form: str
    measure: str | None = None
    calculation: str | None = None
    over: str | None = None
    condition: str | None = None

    def column(self):
        return self.measure + (f"_{self.calculation}" if self.calculation else "")

    def sql(self):
        only = f" FILTER (WHERE {self.condition})" if self.condition else ""
        if self.form == BARE:
            return self.column()
        if self.measure is None:
            if self.form == "rows":
                return f"COUNT(*){only}"
            if self.form == "rows_if":
                return f"SUM(CASE WHEN {self.condition} THEN 1 ELSE 0 END)"
            return f"{self.form.format(self.over)}{only}"
        function, _, wrap = self.form.partition(" ")
        distinct = "DISTINCT " if function == "DISTINCT" else ""
        function = "COUNT" if distinct else function
        if wrap == "case":
            return f"{function}({distinct}CASE WHEN {self.condition} THEN {self.column()} END)"
        if wrap == "zero":
            return f"{function}(CASE WHEN {self.condition} THEN {self.column()} ELSE 0 END)"
        if wrap == "coalesce":
            return f"{function}(COALESCE({self.column()}, 0)){only}"
        return f"{function}({distinct}{self.column()}){only}"


@dataclass(frozen=True)
class Value:
    """A text with `{0}`, `{1}` where its aggregates stand."""

    text: str
    aggregates: tuple

    def sql(self, write=Aggregate.sql):
        return self.text.format(*(write(aggregate) for aggregate in self.aggregates))


@dataclass(frozen=True)
class Members:
    """The condition that a level's member is among those of another question."""

    column: str
    negated: bool
    question: "Question"

    def sql(self, ask):
        return f"{self.column} {'NOT ' if self.negated else ''}IN ({ask(self.question)})"


@dataclass(frozen=True)
class Order:
    column: str
    descending: bool
    nulls: str | None = None
    # Doubles: the engine has -0.0 before 0.0.
    double: bool = False

    def nulls_first(self):
        return self.descending if self.nulls is None else self.nulls == "FIRST"

    def sql(self):
        nulls = f" NULLS {self.nulls}" if self.nulls else ""
        return f"{self.column}{' DESC' if self.descending else ''}{nulls}"


@dataclass(frozen=True)
class Question:
    """One SELECT over a cube: groups are shown as g0, g1…, GROUPING of them as t0…, values as v0…"""

    cube: str
    schema: str = "cubes"
    where: tuple = ()
    groups: tuple = ()
    # Grouping sets by positions of groups, and how they are written.
    sets: tuple | None = None
    written: str = "list"
    shown_groupings: bool = True
    values: tuple = ()
    having: tuple = ()
    order: tuple = ()
    limit: int | None = None
    offset: int | None = None
    # `direct`, `subquery` or `cte`: what stands between the relation and the question.
    source: str = "direct"
    # Another relation of the cube than the one of its name.
    relation: str | None = None

    def all_sets(self):
        return self.sets if self.sets is not None else (tuple(range(len(self.groups))),)

    def aggregates(self):
        """Every aggregate asked for, once."""
        values = self.values + self.having
        return list(dict.fromkeys(a for value in values for a in value.aggregates))

    def ordered(self):
        return bool(self.order)

    def texts(self):
        """Everything over level columns: conditions, groups, what aggregates name."""
        texts = [c if isinstance(c, str) else c.column for c in self.where] + list(self.groups)
        for aggregate in self.aggregates():
            texts += [text for text in (aggregate.over, aggregate.condition) if text]
        return texts

    def sql(self, known):
        """For Starling; `known` are the flat columns of the cube."""
        relation = (
            f'{self.schema}."{self.relation}"' if self.relation else f"{self.schema}.{self.cube}"
        )
        if self.source == "direct":
            return self.select(relation, {}, self.where, known)
        columns = list(dict.fromkeys(c for text in self.texts() for c in columns_in(text, known)))
        columns += [a.column() for a in self.aggregates() if a.measure]
        names = {column: f"{column}_x" for column in dict.fromkeys(columns)}
        inner = [condition for condition in self.where[:1] if isinstance(condition, str)]
        where = f" WHERE {inner[0]}" if inner else ""
        shown = ", ".join(f"{column} AS {name}" for column, name in names.items()) or "1 AS one"
        derived = f"SELECT {shown} FROM {relation}{where}"
        rest = self.where[len(inner) :]
        if self.source == "subquery":
            return self.select(f"({derived}) AS part", names, rest, known)
        return f"WITH part AS ({derived}) " + self.select("part", names, rest, known)

    def select(self, source, names, where, known):
        groups = [renamed(group, names) for group in self.groups]
        shown = [f"{group} AS g{i}" for i, group in enumerate(groups)]
        if self.sets is not None and self.shown_groupings:
            shown += [f"GROUPING({group}) AS t{i}" for i, group in enumerate(groups)]
        shown += [f"{renamed(value.sql(), names)} AS v{i}" for i, value in enumerate(self.values)]
        sql = f"SELECT {', '.join(shown)} FROM {source}"
        # The lenient schema takes a condition on measures in WHERE as one in HAVING.
        bare = [value for value in self.having if any(a.form == BARE for a in value.aggregates)]
        having = [value for value in self.having if value not in bare]
        where = [*where, *(value.sql() for value in bare)]
        if where:
            # A subquery of a condition has names of its own.
            conditions = [
                (
                    renamed(part, names)
                    if isinstance(part, str)
                    else replace(part, column=names.get(part.column, part.column)).sql(
                        lambda q: q.sql(known)
                    )
                )
                for part in where
            ]
            sql += " WHERE " + " AND ".join(f"({part})" for part in conditions)
        sql += self.group_by(groups)
        if having:
            sql += " HAVING " + " AND ".join(renamed(value.sql(), names) for value in having)
        return sql + self.tail()

    def group_by(self, groups):
        if self.sets is None:
            if not groups:
                return ""
            listed = (
                [str(i + 1) for i in range(len(groups))] if self.written == "ordinal" else groups
            )
            return f" GROUP BY {', '.join(listed)}"
        if self.written in ("ROLLUP", "CUBE"):
            return f" GROUP BY {self.written} ({', '.join(groups)})"
        sets = ", ".join(f"({', '.join(groups[i] for i in part)})" for part in self.sets)
        return f" GROUP BY GROUPING SETS ({sets})"

    def tail(self):
        sql = f" ORDER BY {', '.join(order.sql() for order in self.order)}" if self.order else ""
        sql += f" LIMIT {self.limit}" if self.limit is not None else ""
        return sql + (f" OFFSET {self.offset}" if self.offset is not None else "")

    def smaller(self):
        """Questions with one thing less, the largest steps first."""
        if self.source != "direct":
            yield replace(self, source="direct")
        if self.relation is not None:
            yield replace(self, relation=None)
        if self.limit is not None or self.offset is not None:
            yield replace(self, limit=None, offset=None)
        if self.order:
            yield replace(self, order=(), limit=None, offset=None)
        for name in ("having", "where", "values"):
            parts = getattr(self, name)
            for index in range(len(parts)):
                fewer = parts[:index] + parts[index + 1 :]
                if fewer or name != "values":
                    yield replace(self, **{name: fewer}, order=(), limit=None, offset=None)
        if self.sets is not None:
            for index in range(len(self.sets) if len(self.sets) > 1 else 0):
                yield self.with_sets(self.sets[:index] + self.sets[index + 1 :])
            return
        for index in range(len(self.groups)):
            fewer = self.groups[:index] + self.groups[index + 1 :]
            yield replace(self, groups=fewer, order=(), limit=None, offset=None)

    def with_sets(self, sets):
        """Only these grouping sets, and the groups that are in them."""
        used = sorted({place for part in sets for place in part})
        moved = {place: index for index, place in enumerate(used)}
        return replace(
            self,
            groups=tuple(self.groups[place] for place in used),
            sets=tuple(tuple(moved[place] for place in part) for part in sets) if used else None,
            written="sets",
            order=(),
            limit=None,
            offset=None,
        )


@dataclass(frozen=True)
class Nested:
    """SQL around questions, which stand at `{0}`, `{1}`; the same text for both engines."""

    text: str
    parts: tuple
    in_order: bool = False

    def ordered(self):
        return self.in_order

    def sql(self, known):
        return self.text.format(*(part.sql(known) for part in self.parts))

    def smaller(self):
        for index, part in enumerate(self.parts):
            for name in ("having", "where"):
                for at in range(len(getattr(part, name))):
                    fewer = getattr(part, name)[:at] + getattr(part, name)[at + 1 :]
                    parts = list(self.parts)
                    parts[index] = replace(part, **{name: fewer})
                    yield replace(self, parts=tuple(parts))


@dataclass(frozen=True)
class Listing:
    """Rows without aggregates over measures: previews, details, members."""

    cube: str
    ours: str
    theirs: str

    def ordered(self):
        return False

    def sql(self, known):
        return self.ours

    def smaller(self):
        return iter(())


@dataclass(frozen=True)
class Pivot:
    """What `starling query` is asked."""

    cube: str
    rows: tuple = ()
    columns: tuple = ()
    measures: tuple = ()
    filters: tuple = ()
    sort: tuple = ()
    limit: int | None = None
    totals: bool = False
    dotted: dict = field(default_factory=dict, compare=False)

    def arguments(self):
        def listed(levels):
            return ",".join(self.dotted.get(level, level) for level in levels)

        arguments = [self.cube, "--measures", ",".join(self.measures)]
        arguments += ["--rows", listed(self.rows)] if self.rows else []
        arguments += ["--columns", listed(self.columns)] if self.columns else []
        for condition in self.filters:
            arguments += ["--filter", condition]
        if self.sort:
            arguments.append("--sort=" + ",".join(f"{'-' if d else ''}{by}" for by, d in self.sort))
        arguments += ["--limit", str(self.limit)] if self.limit is not None else []
        return arguments + (["--totals"] if self.totals else [])

    def smaller(self):
        for name in ("filters", "sort", "measures", "rows", "columns"):
            parts = getattr(self, name)
            for index in range(len(parts)):
                fewer = parts[:index] + parts[index + 1 :]
                if fewer or name != "measures":
                    smaller = replace(self, **{name: fewer})
                    kept = smaller.rows + smaller.measures
                    yield replace(smaller, sort=tuple(s for s in smaller.sort if s[0] in kept))
        if self.limit is not None:
            yield replace(self, limit=None)
        if self.totals:
            yield replace(self, totals=False)
