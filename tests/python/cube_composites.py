"""A cube over cubes as SQL of DuckDB: each fact is asked alone, and cells are put side by side.

What a base is asked is a question of its own, expanded as any other. Formulas over several facts and
comparisons are computed from its answers, cell by cell.
"""

from dataclasses import dataclass, replace

from cube_calculations import (
    AT_OTHER_TIMES,
    DIFFERENCES,
    NEED_PERIOD,
    RATES,
    Expansion,
    levels_in,
    period_of,
    time_role,
)
from cube_expansion import measure_sql, question_sql, tail
from cube_models import RETAIL_LEVELS
from cube_questions import Aggregate, Question, Value, columns_in
from cube_retail_questions import NO_FIT, counts_days, retail_refusal, time_texts

NOT_THERE, NOTHING, ROWS = "has no `", "nothing that is asked for has", "of which fact"
MIXED = "with levels that it has; write separate"


@dataclass(frozen=True)
class CompositeQuestion(Question):
    """A question to a cube over cubes."""


# --- what a fact lacks


def is_lacking(base, column):
    """Whether the facts of a base do not have a flat column, or not at their grain."""
    if column.role is None:
        name = column.level or column.name.removesuffix("_sort")
        return name not in [level.name for level in base.cube.levels]
    if column.role.name not in [role.name for role in base.cube.roles]:
        return True
    grain = base.grain.get(column.role.name)
    if grain is None:
        return False
    coarser = {grain}
    for hierarchy in base.model.hierarchies(base.cube, column.role).values():
        if grain in hierarchy:
            coarser.update(hierarchy[: hierarchy.index(grain)])
    return column.level not in coarser


def lacking_in(base, text, known):
    return any(is_lacking(base, known[name]) for name in columns_in(text, known))


def leaves_of(cube, aggregate):
    """The measures of bases that an aggregate is computed from."""
    found, left = [], [aggregate.measure]
    while left:
        name = left.pop()
        if cube.base_of(name) is None:
            left += columns_in(cube.measure(name).text, {m.name for m in cube.measures})
        else:
            found.append(name)
    return found


def series_of(aggregate):
    """Which values of its measures an aggregate is computed from."""
    calculation = aggregate.calculation
    if calculation is None:
        return ("value",)
    if calculation in AT_OTHER_TIMES:
        return (calculation,)
    return DIFFERENCES.get(calculation) or RATES[calculation]


def asked_of(cube, question, base):
    """Per value that a base gives: the measure, its condition and which series."""
    asked = {}
    for aggregate in question.aggregates():
        if aggregate.measure is None:
            continue
        for name in leaves_of(cube, aggregate):
            if cube.base_of(name) is base:
                asked.update({(name, aggregate.condition, s): None for s in series_of(aggregate)})
    return list(asked)


def base_question(cube, question, base, known):
    """All that is asked of a base, without the levels that it lacks; None where it is not asked."""
    asked = asked_of(cube, question, base)
    if not asked:
        return None
    values = tuple(
        Value("{0}", (Aggregate("AGG", name, None if series == "value" else series, None, only),))
        for name, only, series in asked
    )
    where = tuple(c for c in question.where if not lacking_in(base, c, known))
    groups = tuple(g for g in question.groups if not lacking_in(base, g, known))
    return Question(base.cube.name, "cubes", where, groups, values=values)


def refusals(model, question):
    """Words of the errors that a question may be refused with; none where it must be answered."""
    cube = next(cube for cube in model.composites if cube.name == question.cube)
    if any(aggregate.measure is None for aggregate in question.aggregates()):
        return [ROWS]
    known = {column.name: column for column in model.flat_columns(cube)}
    found = []
    for part in question.all_sets():
        related = [Related(cube, question, base, known, part) for base in cube.bases]
        asked = [one for one in related if one.asked]
        for one in asked:
            if not one.lacks or one.base.unrelated == "repeat":
                found += retail_refusals_of(cube, question, one, known)
        if any(one.lacks and one.base.unrelated == "error" for one in asked):
            found.append(NOT_THERE)
        if asked and all(one.lacks for one in asked):
            found.append(NOTHING)
        said = [question.groups[i] for i in part] + list(question.where)
        repeated = [one.base for one in asked if one.base.unrelated == "repeat"]
        if any(mixes(base, text, known) for base in repeated for text in said):
            found.append(MIXED)
    return found


def retail_refusals_of(cube, question, one, known):
    """Where a fact is asked by months or years of two calendars, or of one that it does not have."""
    role, found = time_role(cube, question, known), []
    for _, condition, series in one.asked:
        texts = time_texts(question, condition, role, known)
        found.append(retail_refusal(levels_in(texts, known, role), series))
        lacks = [text for text in texts if lacking_in(one.base, text, known)]
        if levels_in(lacks, known, role) & set(RETAIL_LEVELS) and not counts_days(series):
            found.append(NO_FIT)
    return [said for said in found if said]


def mixes(base, text, known):
    """Whether a text speaks of a column that a fact lacks and of one that it has."""
    lacks = [is_lacking(base, known[name]) for name in columns_in(text, known)]
    return any(lacks) and not all(lacks)


class Related:
    """How a grouping set relates to the facts of a base."""

    def __init__(self, cube, question, base, known, part):
        self.base, self.part = base, part
        self.asked = asked_of(cube, question, base)
        self.kept = [i for i in part if not lacking_in(base, question.groups[i], known)]
        self.lacks = len(self.kept) < len(part) or any(
            lacking_in(base, condition, known) for condition in question.where
        )


# --- the expansion


class WithinSpan(Expansion):
    """A base's question with calculations: no fact goes further than the one that ends first."""

    def __init__(self, model, question, cubes):
        super().__init__(model, question)
        self.cubes = cubes

    def span(self):
        ends = ", ".join(f"(SELECT max({self.role}_date) FROM flat_{name})" for name in self.cubes)
        first = f"(SELECT min({self.role}_date) FROM flat_{self.cube.name})"
        return f"SELECT {first} AS first, least({ends}) AS last"


class Cells:
    """One grouping set of a question to a composite."""

    def __init__(self, model, cube, question, part):
        self.model, self.cube, self.question, self.part = model, cube, question, part
        self.known = {column.name: column for column in model.flat_columns(cube)}
        self.related = [Related(cube, question, base, self.known, part) for base in cube.bases]
        self.related = [one for one in self.related if one.asked]
        role = time_role(cube, question, self.known)
        self.period, _ = period_of(model, cube, question, self.known, role, part)

    def sql(self):
        groups = range(len(self.question.groups))
        shown = [f"c.g{i} AS g{i}" if i in self.part else f"NULL AS g{i}" for i in groups]
        if self.question.sets is not None and self.question.shown_groupings:
            shown += [f"{int(i not in self.part)} AS t{i}" for i in groups]
        shown += [f"{v.sql(self.value)} AS v{i}" for i, v in enumerate(self.question.values)]
        kept = " AND ".join(f"({v.sql(self.value)})" for v in self.question.having) or "TRUE"
        sql = f"SELECT {', '.join(shown)}, {kept} AS kept FROM {self.cells()}"
        return f"SELECT * EXCLUDE (kept) FROM ({sql}) AS c WHERE kept"

    def cells(self):
        """The cells that a fact which has all their levels has rows for, with the values of each."""
        full = [one for one in self.related if not one.lacks]
        names = ", ".join(["1 AS one"] + [f"g{i}" for i in self.part])
        sql = " UNION ".join(f"SELECT {names} FROM ({self.answer(one)})" for one in full)
        sql = f"({sql}) AS c"
        for at, one in enumerate(self.related):
            if one.lacks and one.base.unrelated != "repeat":
                continue
            same = [f"c.g{i} IS NOT DISTINCT FROM b{at}.g{i}" for i in one.kept]
            sql += f" LEFT JOIN ({self.answer(one)}) AS b{at} ON {' AND '.join(same) or 'TRUE'}"
        return sql

    def answer(self, one):
        """The answer of a base in the cells of its own levels, with the groups of the whole."""
        asked = base_question(self.cube, self.question, one.base, self.known)
        model, values = one.base.model, [f"v{i}" for i in range(len(one.asked))]
        if all(series == "value" for *_, series in one.asked) and not self.is_calculated():
            asked = replace(asked, groups=tuple(self.question.groups[i] for i in one.kept))
            places = {i: at for at, i in enumerate(one.kept)}
            sql = question_sql(model, asked)
        else:
            places = {i: asked.groups.index(self.question.groups[i]) for i in one.kept}
            if asked.groups:
                asked = replace(
                    asked, sets=(tuple(sorted(places.values())),), shown_groupings=False
                )
            sql = WithinSpan(model, asked, [r.base.cube.name for r in self.related]).sql()
        shown = ["TRUE AS found"] + [f"g{at} AS g{i}" for i, at in places.items()] + values
        return f"SELECT {', '.join(shown)} FROM ({sql})"

    def is_calculated(self):
        return any(aggregate.calculation for aggregate in self.question.aggregates())

    def value(self, aggregate):
        calculation = aggregate.calculation
        if calculation in NEED_PERIOD and self.period is None:
            return "NULL"
        measure = self.cube.measure(aggregate.measure)
        found = [
            self.formula(aggregate.measure, aggregate.condition, s) for s in series_of(aggregate)
        ]
        if len(found) == 1:
            return f"({found[0]})"
        now, then = found
        change = f"({now} - {then})"
        if measure.additive:
            sums = f"coalesce({now}, 0) - coalesce({then}, 0)"
            change = f"(CASE WHEN {now} IS NULL AND {then} IS NULL THEN NULL ELSE {sums} END)"
        if calculation in DIFFERENCES:
            return change
        return f"(CASE WHEN {then} > 0 THEN CAST({change} AS DOUBLE) / CAST({then} AS DOUBLE) END)"

    def formula(self, tree, condition, series):
        """A measure of a base, or a formula over such."""
        if isinstance(tree, str):
            base = self.cube.base_of(tree)
            if base is None:
                return self.formula(self.cube.measure(tree).formula, condition, series)
            return self.leaf(base, (tree, condition, series))
        if not isinstance(tree, tuple):
            return str(tree)
        left, right = (f"({self.formula(part, condition, series)})" for part in tree[1:])
        if tree[0] == "/":
            return f"one_zero(CAST({left} AS DOUBLE) / nullif(CAST({right} AS DOUBLE), 0))"
        return f"({left} {tree[0]} {right})"

    def leaf(self, base, asked):
        at = next(at for at, one in enumerate(self.related) if one.base is base)
        one = self.related[at]
        if one.lacks and base.unrelated != "repeat":
            return "NULL"
        nothing = measure_sql(base.model, base.cube, asked[0])
        nothing = f"(SELECT {nothing} FROM flat_{base.cube.name} WHERE FALSE)"
        return f"(CASE WHEN b{at}.found IS NULL THEN {nothing} ELSE b{at}.v{one.asked.index(asked)} END)"


def composite_sql(model, question):
    """The question over the flat tables of all bases."""
    cube = next(cube for cube in model.composites if cube.name == question.cube)
    sets = [Cells(model, cube, question, part).sql() for part in question.all_sets()]
    return f"SELECT * FROM ({' UNION ALL '.join(sets)}) AS answer{tail(question)}"
