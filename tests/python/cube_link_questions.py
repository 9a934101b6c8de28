"""Questions over members of which a fact row has several, as SQL of DuckDB.

In a cell a fact row counts once, whichever of its members lead there. A condition on such members
chooses the fact rows that have one which meets it.
"""

from dataclasses import dataclass, replace

from cube_expansion import aggregate_over_flat, filter_clause, over_flat, tail
from cube_links import links_of
from cube_models import scale_of
from cube_questions import Question, columns_in

IN_COMMON, MIXED, IN_A_CTE = "have facts in common", "separate conditions with AND", "in a CTE"
NOT_SHARED = "cannot be shared out"


@dataclass(frozen=True)
class LinkQuestion(Question):
    """A question over links of a cube; `refused` is what its refusal says."""

    refused: str | None = None


def link_of(text, links):
    """The link whose columns a text names, or None."""
    for link in links.values():
        if columns_in(text, {column.name for column in link.columns}):
            return link
    return None


def link_refusals(model, question):
    """What a refusal says of a question that must be refused."""
    if question.refused:
        return [question.refused]
    cube, links = cube_and_links(model, question)
    grouped = [link_of(question.groups[i], links) for part in question.all_sets() for i in part]
    if not any(link and link.weight for link in grouped):
        return []
    names = [a.measure for a in question.aggregates() if a.measure]
    return [] if all(can_be_shared(cube, name) for name in names) else [NOT_SHARED]


def can_be_shared(cube, name):
    measure = cube.measure(name)
    if measure.formula is not None:
        parts = columns_in(measure.text, {known.name for known in cube.measures})
        return all(can_be_shared(cube, part) for part in parts)
    whole = measure.kind == "sum" and measure.input_type == "int"
    return not (measure.over_time() or measure.kind == "avg" or whole)


def cube_and_links(model, question):
    cube = next(cube for cube in model.cubes if cube.name == question.cube)
    return cube, links_of(model, cube)


class Cells:
    """One grouping set."""

    def __init__(self, model, question, part):
        self.model, self.question, self.part = model, question, part
        self.cube, self.links = cube_and_links(model, question)
        joined = [link_of(question.groups[i], self.links) for i in part]
        self.joined = {link.name: link for link in joined if link}
        self.weighted = next((link for link in self.joined.values() if link.weight), None)
        # Sums of a total have as many places as those of its parts.
        grouped = [link_of(group, self.links) for group in question.groups]
        self.places = max((link.places for link in grouped if link), default=0)
        self.chosen = {}

    def sql(self):
        groups = range(len(self.question.groups))
        shown = [f"g{i}" if i in self.part else f"NULL AS g{i}" for i in groups]
        if self.question.sets is not None and self.question.shown_groupings:
            shown += [f"{int(i not in self.part)} AS t{i}" for i in groups]
        shown += [f"{v.sql(self.value)} AS v{i}" for i, v in enumerate(self.question.values)]
        kept = " AND ".join(f"({v.sql(self.value)})" for v in self.question.having) or "TRUE"
        by = f" GROUP BY {', '.join(f'g{i}' for i in self.part)}" if self.part else ""
        sql = f"SELECT {', '.join(shown)}, {kept} AS kept FROM ({self.rows()}) AS r{by}"
        return f"SELECT * EXCLUDE (kept) FROM ({sql}) AS c WHERE kept"

    def rows(self):
        """Each fact row once per cell, and its spans in that."""
        flat = f"flat_{self.cube.name} AS f"
        for link in self.joined.values():
            flat += f" JOIN {self.pairs(link)} AS {link.name}_p ON {link.name}_p.member = f.m_{link.near}"
        conditions = [f"({c})" for c in self.question.where if not link_of(c, self.links)]
        for name in dict.fromkeys(
            l.name for c in self.question.where if (l := link_of(c, self.links))
        ):
            own = [
                f"({c})" for c in self.question.where if link_of(c, self.links) is self.links[name]
            ]
            own = " AND ".join(own)
            conditions.append(
                f"({own})" if name in self.joined else self.has(self.links[name], own)
            )
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        groups = [f"{self.question.groups[i]} AS g{i}" for i in self.part]
        chosen = [f"{self.has(link_of(c, self.links), c)} AS {x}" for c, x in self.chosen.items()]
        span = [f"{self.weighted.name}_p.span AS span"] if self.weighted else []
        sql = f"SELECT {', '.join(['f.*', *groups, *chosen, *span])} FROM {flat}{where}"
        if not self.weighted:
            return f"SELECT DISTINCT * FROM ({sql})"
        cell = ", ".join([f"f_{self.model.fact.key}"] + [f"g{i}" for i in self.part])
        spans = f"list_sort(list_distinct(list(span) OVER (PARTITION BY {cell})))"
        return f"SELECT DISTINCT * REPLACE ({spans} AS span) FROM ({sql})"

    def pairs(self, link):
        return f"{self.cube.name}_{link.name}"

    def has(self, link, condition):
        """Whether a fact row has a member that meets a condition."""
        pairs = f"SELECT 1 FROM {self.pairs(link)} AS p WHERE p.member = f.m_{link.near}"
        return f"EXISTS ({pairs} AND ({condition}))"

    def value(self, aggregate):
        if aggregate.condition and link_of(aggregate.condition, self.links):
            place = self.chosen.setdefault(aggregate.condition, f"x{len(self.chosen)}")
            aggregate = replace(aggregate, condition=place)
        if not self.places or aggregate.measure is None:
            return aggregate_over_flat(self.model, self.cube, aggregate)
        sql = self.shared(self.cube.measure(aggregate.measure), aggregate)
        return (
            f"coalesce({sql}, 0)" if aggregate.form.endswith((" zero", " coalesce")) else f"({sql})"
        )

    def shared(self, measure, aggregate):
        """A measure of which sums are shared out."""
        if measure.formula is not None:
            return self.shared_formula(measure.formula, aggregate)
        if measure.kind != "sum":
            plain = replace(aggregate, form="AGG", measure=measure.name)
            return aggregate_over_flat(self.model, self.cube, plain)
        value = over_flat(self.model, self.cube, measure.text)
        value = f"({value}) * f_{measure.rate}" if measure.rate else value
        own = measure.where and over_flat(self.model, self.cube, measure.where)
        chosen, scale = filter_clause(own, aggregate.condition), scale_of(measure.type)
        if scale is None and not self.weighted:
            return f"sum({value}){chosen}"
        if scale is None:
            parts = "list_transform(span, lambda s: (s.hi - s.lo) / s.whole)"
            return f"sum(CAST({value} AS DOUBLE) * list_sum({parts})){chosen}"
        places = scale + self.places
        amount = f"CAST(({value}) * CAST({10**places} AS HUGEINT) AS HUGEINT)"
        part = f"CAST({amount} AS DECIMAL(38,0))"
        if self.weighted:
            bounds = [f"up_to({amount}, s.{bound}, s.whole)" for bound in ("hi", "lo")]
            parts = f"lambda s: CAST({bounds[0]} - {bounds[1]} AS DECIMAL(38,0))"
            part = f"list_sum(list_transform(span, {parts}))"
        total = f"CAST(sum({part}){chosen} AS DECIMAL(38,0))"
        return f"({total} * CAST({'0.' + '0' * (places - 1) + '1'} AS DECIMAL({places},{places})))"

    def shared_formula(self, tree, aggregate):
        if isinstance(tree, str):
            return self.shared(self.cube.measure(tree), aggregate)
        if not isinstance(tree, tuple):
            return str(tree)
        left, right = (f"({self.shared_formula(part, aggregate)})" for part in tree[1:])
        if tree[0] == "/":
            return f"one_zero(CAST({left} AS DOUBLE) / nullif(CAST({right} AS DOUBLE), 0))"
        return f"({left} {tree[0]} {right})"


def link_sql(model, question):
    """The question over the flat table and the pairs of its links."""
    sets = [Cells(model, question, part).sql() for part in question.all_sets()]
    return f"SELECT * FROM ({' UNION ALL '.join(sets)}) AS answer{tail(question)}"
