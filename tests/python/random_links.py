"""Trees, dimensions through a fact that links them, and random questions over their members."""

from dataclasses import replace
from decimal import Decimal

from cube_calculations import by_calendar
from cube_link_questions import (
    IN_A_CTE,
    IN_COMMON,
    MIXED,
    LinkQuestion,
    can_be_shared,
    link_of,
)
from cube_links import is_record, links_of
from cube_models import Cube, Fact, Model, Role, Through, Tree
from cube_questions import Aggregate, Value
from random_models import SHAPES, random_dimension
from random_questions import Asker

# Weights of the members of one, some of which are no finite shares.
WEIGHTS = {
    1: [[5]],
    2: [[1, 2], [60, 30], [3, 4], [0, 2], [None, 7]],
    3: [[1, 1, 1], [0, 0, 0], [None] * 3, [1, 2, 4]],
}


def add_links(dice, model):
    """Trees for some dimensions, and in most models a cube that reaches one more through a fact."""
    for dimension in list(model.dimensions.values()):
        if dice.random() < 0.5:
            add_tree(dice, dimension)
    left = sorted(set(SHAPES) - set(model.dimensions))
    if left and dice.random() < 0.7:
        add_through(dice, model, dice.choice(left))


def add_tree(dice, dimension):
    """Each record is under one before it, under itself, under one that is not there, or a top."""
    records = [level.name for level in dimension.levels if is_record(dimension, level)]
    if not records:
        return
    columns = [f"above_{column}" for column in dimension.key]
    for number, row in enumerate(dimension.rows):
        roll, above = dice.random(), [None] * len(columns)
        if number and roll < 0.75:
            # One of the last few, so that branches are deep.
            other = dice.choice(dimension.rows[max(0, number - 4) : number])
            above = [other[column] for column in dimension.key]
        elif roll < 0.82:
            above = [row[column] for column in dimension.key]
        elif roll < 0.88:
            above = [999 if dimension.types[column] == "int" else "X9" for column in dimension.key]
        row.update(zip(columns, above))
    dimension.types.update((c, dimension.types[k]) for c, k in zip(columns, dimension.key))
    dimension.tree = Tree("chain", columns, dice.choice([None, records[0]]))


def add_through(dice, model, name):
    far = random_dimension(dice, name)
    model.dimensions[name] = far
    if dice.random() < 0.3:
        add_tree(dice, far)
    near = dice.choice([role for role in model.fact.roles if role.dimension != "date"])
    link = random_link(dice, model, near, far)
    model.others.append(link)
    first = model.cubes[0]
    weight = "part" if dice.random() < 0.6 else None
    through = [Through(name, near.name, link, weight)]
    cube = Cube(
        "linked_sales", list(first.roles), first.levels, {}, first.measures, through=through
    )
    model.cubes.append(cube)


def random_link(dice, model, near, far):
    """Rows that link most members of a role to one, two or three others, which may not be known."""
    dimension = model.dimensions[near.dimension]
    roles = [
        Role(near.name, near.dimension, near.named, [f"of_{column}" for column in dimension.key]),
        Role(far.name, far.name, None, [f"to_{column}" for column in far.key]),
    ]
    types = {"link_no": "int", "part": dice.choice(["int", "decimal(9,6)"])}
    unit = 1 if types["part"] == "int" else Decimal("0.000001") * dice.choice([1, 10, 125])
    raw_types = dict(types)
    for role, linked in zip(roles, (dimension, far)):
        raw_types.update((c, linked.types[k]) for c, k in zip(role.on, linked.key))
    rows = []
    for record in dimension.rows:
        count = min(dice.choice([0, 1, 2, 2, 3]), len(far.rows))
        weights = dice.choice(WEIGHTS[count]) if count else []
        for weight, other in zip(weights, dice.sample(far.rows, count)):
            row = {"link_no": len(rows) + 1, "part": weight and weight * unit}
            row.update(zip(roles[0].on, [record[column] for column in dimension.key]))
            row.update(zip(roles[1].on, [other[column] for column in far.key]))
            rows.append(row)
    if rows and dice.random() < 0.5:
        unknown = dice.choice(rows)
        unknown.update(
            (c, 999 if far.types[k] == "int" else "X9") for c, k in zip(roles[1].on, far.key)
        )
    fact = Fact("care", "link_no", types, raw_types, roles, {}, rows, "care")
    return Model(
        model.fiscal_start, model.calendar, model.dimensions, fact, [], retail=model.retail
    )


# --- questions


class LinkAsker(Asker):
    """Questions that speak of links: in groups, in conditions, or in both."""

    def __init__(self, model, cube, database):
        super().__init__(model, cube, database)
        self.links = links_of(model, cube)
        for link in self.links.values():
            for column in link.columns:
                self.known[column.name] = column
                values = database.execute(
                    f"SELECT DISTINCT {column.name} FROM {cube.name}_{link.name} "
                    f"WHERE {column.name} IS NOT NULL ORDER BY 1"
                )
                self.values[column.name] = [row[0] for row in values.fetchall()]

    def condition(self, dice, columns=None, depth=0):
        if columns is None and depth == 0 and dice.random() < 0.4:
            columns = dice.choice(list(self.links.values())).columns
        return super().condition(dice, columns or self.columns, depth)

    def link_group(self, dice):
        """Of one link, as its column is or made from it."""
        column = dice.choice(dice.choice(list(self.links.values())).columns)
        if column.type == "text" and dice.random() < 0.2:
            return dice.choice(["substr({0}, 1, 1)", "upper({0})", "length({0}) > 5"]).format(
                column.name
            )
        return column.name

    def groups(self, dice, count):
        found = list(super().groups(dice, max(count - 1, 0)))
        if count and dice.random() < 0.8:
            found.append(self.link_group(dice))
        elif count:
            found += [group for group in super().groups(dice, count) if group not in found][:1]
        dice.shuffle(found)
        return tuple(found)

    def question(self, dice):
        if dice.random() < 0.08:
            return self.to_be_refused(dice)
        question = (self.plain if dice.random() < 0.6 else self.over_sets)(dice)
        where = tuple(c for c in question.where if isinstance(c, str))
        having = tuple(value for value in question.having if value.aggregates)
        question = LinkQuestion(
            **{**vars(question), "where": where, "having": having, "source": "direct"}
        )
        weighted = any((link := link_of(g, self.links)) and link.weight for g in question.groups)
        if not weighted or dice.random() < 0.1:
            return question
        return self.of_shares(dice, question)

    def of_shares(self, dice, question):
        """The question with measures that can be shared out."""
        measures = [m for m in self.cube.measures if can_be_shared(self.cube, m.name)]
        measures = [m for m in measures if not by_calendar(self.cube, m.name)]
        measures = [m for m in measures if not self.is_rated(m)]
        names = [m.name for m in measures]
        values = [
            v
            for v in question.values + question.having
            if all(a.measure in names for a in v.aggregates)
        ]
        kept = tuple(v for v in question.values if v in values)
        if not kept:
            kept = (Value("{0}", (Aggregate("AGG", dice.choice(measures).name),)),)
        having = ()
        return replace(question, values=kept, having=having, order=(), limit=None, offset=None)

    def is_rated(self, measure):
        """Its parts have the digits of rates until they are rounded, more than the oracle's numbers hold."""
        return (measure.rate or "").startswith("fx_") or any(
            self.is_rated(other)
            for other in self.cube.measures
            if measure.kind == "expr" and other.name in measure.text
        )

    def to_be_refused(self, dice):
        link = dice.choice(list(self.links.values()))
        column = dice.choice([c for c in link.columns if c.kind == "level"])
        measure = dice.choice([m for m in self.cube.measures if self.is_number(m)])
        if link.weight:
            measure = self.cube.measure("lines")
        value = Value("{0}", (Aggregate("AGG", measure.name),))
        other = super().condition(dice, self.columns, 1)
        own = super().condition(dice, link.columns, 1)
        ranked = Value(
            "{0}", (Aggregate("AGG", measure.name, dice.choice(["rank", "share_of_parent"])),)
        )
        counted = Value("{0}", (Aggregate("COUNT(DISTINCT {})", over=column.name),))
        refused = [
            (IN_A_CTE, (), (), (counted,)),
            (MIXED, (f"({own}) OR ({other})",), (), (value,)),
        ]
        # Members of a tree have siblings.
        if not link.tree:
            refused.append((IN_COMMON, (), (column.name,), (ranked,)))
        said, where, groups, values = dice.choice(refused)
        return LinkQuestion(self.cube.name, "cubes", where, groups, values=values, refused=said)
