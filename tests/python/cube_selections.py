"""Pivot questions as JSON, with what chooses members: filters by member, named sets and leaders.

Filters, sets and leaders without others choose the facts that count; `having` only rows that are shown.
"""

import json
from dataclasses import dataclass, replace

from cube_expansion import NOT_APPLICABLE, UNKNOWN, measure_sql, order_columns


@dataclass(frozen=True)
class Selection:
    """What `starling query --json` is asked; filters and leaders as JSON has them."""

    cube: str
    rows: tuple
    measures: tuple
    filters: tuple = ()
    top: tuple = ()
    having: tuple = ()
    totals: bool = False

    def json(self):
        said = {"cube": self.cube, "rows": list(self.rows), "measures": list(self.measures)}
        for name in ("filters", "top", "having"):
            if getattr(self, name):
                said[name] = list(getattr(self, name))
        return json.dumps({**said, "totals": self.totals}, ensure_ascii=False, default=str)

    def ordered(self):
        return False

    def smaller(self):
        for name in ("filters", "top", "having", "measures", "rows"):
            parts = getattr(self, name)
            for index in range(len(parts)):
                fewer = parts[:index] + parts[index + 1 :]
                if fewer or name not in ("measures", "rows"):
                    yield replace(self, **{name: fewer})
        if self.totals:
            yield replace(self, totals=False)


def literal(value):
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def listed(values):
    return ", ".join(map(literal, values))


class Chosen:
    """The SQL of one question."""

    def __init__(self, model, asked):
        self.model, self.asked = model, asked
        self.cube = next(cube for cube in model.cubes if cube.name == asked.cube)
        self.flat = f"flat_{self.cube.name}"
        self.known = {column.name: column for column in model.flat_columns(self.cube)}

    def key(self, level):
        return f"{level}_key" if f"{level}_key" in self.known else level

    def measure(self, name):
        return f"({measure_sql(self.model, self.cube, name)})"

    def condition(self, said):
        if "sql" in said:
            return said["sql"]
        if "set" in said:
            return self.in_set(said["set"])
        level = said["level"]
        key = self.key(level)
        if "keys" in said:
            return f"{key} IN ({listed(said['keys'])})"
        if "members" in said:
            captions = [level] + [name for name in self.known if self.is_locale_of(name, level)]
            return " OR ".join(f"{caption} IN ({listed(said['members'])})" for caption in captions)
        of_members = f"SELECT {key} FROM {self.flat} WHERE {level} ="
        known = f"CAST({key} AS VARCHAR) NOT IN ('-1', '-2', {listed([UNKNOWN, NOT_APPLICABLE])})"
        ends = [
            f"{key} {sign} ({of_members} {literal(said[end])} LIMIT 1)"
            for end, sign in (("from", ">="), ("to", "<="))
            if end in said
        ]
        return " AND ".join([known, *ends])

    def is_locale_of(self, name, level):
        column, own = self.known[name], self.known[level]
        return column.kind == "locale" and (column.role, column.level) == (own.role, own.level)

    def in_set(self, name):
        said = self.cube.sets[name]
        if "top" in said:
            return self.leads(said["top"], said["top"]["level"], "TRUE")
        level = said["level"]
        if "where" in said:
            key = self.key(level)
            return f"{key} IN (SELECT {key} FROM {self.flat} WHERE {said['where']})"
        return self.condition(said)

    def leads(self, said, level, where):
        """Whether a member leads among the facts that meet `where`; of equal ones the first does."""
        key, value = self.key(level), self.measure(said["by"])
        order = [f"min({column})" for column in order_columns(self.model, self.cube, level)]
        down = "" if said.get("least") else " DESC"
        members = f"SELECT {key} AS k, {value} AS v, {', '.join(f'{o} AS o{i}' for i, o in enumerate(order))}"
        members += f" FROM {self.flat} WHERE {where} GROUP BY {key}"
        by = ", ".join([f"v{down}"] + [f"o{i}" for i in range(len(order))])
        leaders = f"SELECT k FROM ({members}) WHERE v IS NOT NULL ORDER BY {by} LIMIT {said['n']}"
        return f"{key} IN ({leaders})"

    def sql(self):
        asked = self.asked
        sets = [name for name in asked.rows if name in self.cube.sets]
        chosen = [self.condition(said) for said in asked.filters] + [
            self.in_set(name) for name in sets
        ]
        where = " AND ".join(f"({condition})" for condition in chosen) or "TRUE"
        leading = [
            self.leads(said, said["level"], where) for said in asked.top if "others" not in said
        ]
        facts = " AND ".join([where, *leading])
        rows = [self.row(name, where) for name in asked.rows]
        values = [f"{self.measure(name)} AS v{i}" for i, name in enumerate(asked.measures)]
        kept = " AND ".join(f"({self.having(text)})" for text in asked.having) or "TRUE"
        groups = [f"{row} AS g{i}" for i, row in enumerate(rows)]
        sql = f"SELECT {', '.join(groups + values)}, {kept} AS kept FROM {self.flat} WHERE {facts}"
        sql += f" GROUP BY {', '.join(rows)}"
        sql = f"SELECT * EXCLUDE (kept) FROM ({sql}) WHERE kept"
        if asked.totals:
            nothing = ", ".join(["NULL"] * len(rows))
            sql += (
                f" UNION ALL SELECT {nothing}, {', '.join(values)} FROM {self.flat} WHERE {facts}"
            )
        return sql

    def row(self, name, where):
        level = self.level(name)
        for said in self.asked.top:
            if said["level"] == level and "others" in said:
                others = "(others)" if said["others"] is True else said["others"]
                return f"CASE WHEN {self.leads(said, level, where)} THEN {level} ELSE {literal(others)} END"
        return level

    def level(self, name):
        said = self.cube.sets.get(name)
        return name if said is None else said.get("level") or said["top"]["level"]

    def having(self, text):
        measure, rest = text.split(" ", 1)
        return f"{self.measure(measure)} {rest}"
