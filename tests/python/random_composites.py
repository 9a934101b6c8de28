"""A second fact of coarser grain, cubes over cubes, and random questions to them."""

from dataclasses import replace
from datetime import date, timedelta

from cube_calculations import (
    AT_OTHER_TIMES,
    MOVING,
    NEED_PERIOD,
    OVER_TIME,
    is_time,
    period_of,
    time_role,
)
from cube_composites import CompositeQuestion, base_question, is_lacking, lacking_in
from cube_expansion import by_calendar
from cube_models import Base, Composite, Cube, Fact, Measure, Model, Role
from cube_questions import Aggregate, Value
from random_models import random_formula, random_key
from random_questions import CalculationAsker

PLAN = {"plan_no": "int", "target": "decimal(12,2)", "planned": "int", "effort": "double"}
CALCULATED = [calculation for calculation in OVER_TIME if calculation not in MOVING]


def add_composites(dice, model):
    """A plan beside the fact, by fewer roles and by month, and one or two cubes over both."""
    model.others.append(random_plan(dice, model))
    for number in range(dice.randint(1, 2)):
        model.composites.append(random_composite(dice, model, f"both_{number}"))


# --- the plan


def random_plan(dice, model):
    shared = [role for role in model.fact.roles if role.dimension != "date"]
    shared = dice.sample(shared, dice.randint(0, len(shared)))
    dates = [role for role in model.fact.roles if role.dimension == "date"]
    first = dates[0] if dice.random() < 0.8 else dice.choice(dates)
    roles = [Role(first.name, "date", first.named, ["planned_on"])]
    roles += [Role(role.name, role.dimension, role.named, role.on) for role in shared]
    raw_types = {**PLAN, "planned_on": "date"}
    for role in roles[1:]:
        keys = model.dimensions[role.dimension].key
        raw_types.update(
            (c, model.dimensions[role.dimension].types[k]) for c, k in zip(role.on, keys)
        )
    fact = Fact("plan", "plan_no", dict(PLAN), raw_types, roles, {}, [], "goal")
    days = [row[role.on[0]] for role in [first] for row in model.fact.rows if row[role.on[0]]]
    days = [date.fromisoformat(str(day)[:10]) for day in days]
    fact.rows = plan_rows(dice, model, fact, min(days), max(days))
    cube = Cube("plan", roles, [], {}, plan_measures())
    return Model(
        model.fiscal_start, model.calendar, model.dimensions, fact, [cube], retail=model.retail
    )


def plan_rows(dice, model, fact, first, last):
    """Plans of whole months, which may end before the facts or go on after them."""
    first += timedelta(dice.choice([-100, 0, 60]))
    months = max((last - first).days // 30 + dice.choice([-5, -1, 0, 4]), 3)
    rows = []
    for number in range(dice.randint(40, 70)):
        month = first.year * 12 + first.month - 1 + dice.randrange(months)
        row = {
            "plan_no": number + 1,
            "target": f"{dice.randint(100, 500000) / 100:.2f}",
            "planned": dice.randint(0, 50),
            "effort": dice.randint(1, 80) / 8,
            "planned_on": date(month // 12, month % 12 + 1, 1),
        }
        for column in ("target", "planned", "planned_on"):
            if dice.random() < 0.05:
                row[column] = None
        for role in fact.roles[1:]:
            row.update(zip(role.on, random_key(dice, model.dimensions[role.dimension])))
        rows.append(row)
    return rows


def plan_measures():
    return [
        Measure("target", "sum", "target", "decimal(38,2)", None, "decimal(12,2)", additive=True),
        Measure("planned", "sum", "planned", "int", None, "int", additive=True),
        Measure("plans", "count", "*", "int", additive=True),
        Measure("effort", "sum", "effort", "double", None, "double", additive=True),
        Measure("mean_target", "avg", "target", "decimal(38,6)", None, "decimal(12,2)"),
        Measure("largest_target", "max", "target", "decimal(12,2)", None, "decimal(12,2)"),
        Measure(
            "target_each", "expr", "target / planned", "double", formula=("/", "target", "planned")
        ),
    ]


# --- cubes over cubes


def random_composite(dice, model, name):
    plan = next(one for one in model.others if one.fact.name == "plan")
    bases = [
        random_base(dice, model, dice.choice(model.cubes)),
        random_base(dice, plan, plan.cubes[0]),
    ]
    for base in bases:
        base.grain = random_grain(dice, base) if base.model is plan else {}
    if dice.random() < 0.3:
        bases.reverse()
    roles = {role.name: role for base in bases for role in base.cube.roles}
    levels = [level for base in bases for level in base.cube.levels]
    measures = [measure for base in bases for measure in base.taken()]
    taken = [[m for m in base.taken() if m.type not in ("text", "date")] for base in bases]
    for number in range(dice.randint(1, 3)):
        pair = [dice.choice(part) for part in taken]
        dice.shuffle(pair)
        measures.append(random_formula(dice, pair, f"of_both_{number}"))
    # Roles as the first fact has them, which leads to the same members.
    roles = [role for role in model.fact.roles if role.name in roles]
    return Composite(name, roles, levels, {}, measures, bases)


def random_base(dice, model, cube):
    # A balance by the calendar refuses conditions that another measure allows.
    names = [m.name for m in cube.measures if not by_calendar(cube, m.name)]
    plain = [name for name in names if cube.measure(name).kind != "expr"]
    every = None if len(names) == len(cube.measures) else names
    measures = every
    if dice.random() < 0.5:
        measures = dice.sample(plain, min(len(plain), dice.randint(3, 6)))
        if not any(cube.measure(name).type in ("int", "double") for name in measures):
            measures = every
    return Base(
        model, cube, measures, {}, dice.choice(["error", "empty", "empty", "repeat", "repeat"])
    )


def random_grain(dice, base):
    grain = {}
    for role in base.cube.roles:
        if role.dimension == "date":
            if dice.random() < 0.7:
                grain[role.name] = dice.choice(["month", "month", "quarter", "fiscal_quarter"])
            continue
        above = [l for h in base.model.hierarchies(base.cube, role).values() for l in h[:-1]]
        if above and dice.random() < 0.4:
            grain[role.name] = dice.choice(above)
    return grain


# --- questions


class CompositeAsker(CalculationAsker):
    """Questions to a cube over cubes: levels that a fact lacks are asked for now and then."""

    def __init__(self, model, cube, database):
        super().__init__(model, cube, database)
        self.own = [m for m in cube.measures if cube.base_of(m.name) is None]
        self.all_columns = self.columns
        self.shared = [
            c for c in self.columns if not any(is_lacking(base, c) for base in cube.bases)
        ]

    def condition(self, dice, columns=None, depth=0):
        """Over columns that all facts have; of what only some have `lacking_condition` is made."""
        return super().condition(dice, columns or self.shared, depth)

    def aggregate(self, dice, schema, numeric=False, measures=None):
        """No rows and no levels, which do not say of which fact; and no 0 for what is not there."""
        if measures is None:
            measures = self.own if dice.random() < 0.4 else self.cube.measures
        while True:
            found = super().aggregate(dice, schema, numeric, measures)
            if not found.form.endswith((" zero", " coalesce")):
                return found

    def groups(self, dice, count):
        # Facts that share few levels cannot be grouped by many different ones.
        self.columns = self.shared if dice.random() < 0.6 else self.all_columns
        found = super().groups(dice, min(count, len(self.shared) // 8 + 1))
        self.columns = self.all_columns
        return found

    def question(self, dice):
        roll = dice.random()
        if roll < 0.05:
            return self.rows(dice)
        if roll < 0.35:
            for _ in range(20):
                question = self.calculated_question(dice)
                if question is not None:
                    return question
        question = (self.plain if roll < 0.7 else self.over_sets)(dice)
        where = tuple(c for c in question.where if isinstance(c, str))
        if dice.random() < 0.1:
            # Not two in one: of conditions joined by AND a fact takes those that it has levels for.
            where += (self.condition(dice, self.all_columns, 1),)
        # A condition on a group is none on a cell of several facts.
        having = tuple(value for value in question.having if value.aggregates)
        return CompositeQuestion(
            **{**vars(question), "where": where, "having": having, "source": "direct"}
        )

    def rows(self, dice):
        """Rows of no fact: to be refused."""
        return CompositeQuestion(
            self.cube.name,
            groups=self.groups(dice, 1),
            values=(Value("{0}", (Aggregate("rows"),)),),
        )

    def calculated_question(self, dice):
        roles = [role.name for role in self.cube.roles if role.dimension == "date"]
        role = dice.choice(roles)
        groups = self.time_groups(dice, role)
        if any("weekday" in group for group in groups):
            return None
        others = [
            c
            for c in self.all_columns
            if c.kind in ("level", "key") and (c.role is None or c.role.dimension != "date")
        ]
        groups += tuple(
            c.name for c in dice.sample(others, min(len(others), dice.choice([0, 0, 1])))
        )
        sets, written = None, "list"
        if groups and len(groups) <= 3 and dice.random() < 0.4:
            sets, written = self.grouping(dice, groups)
        of_retail = any(f"{role}_retail" in group for group in groups)
        where = tuple(
            self.time_condition(dice, role, of_retail) for _ in range(dice.choice([0, 1, 1]))
        )
        if any("weekday" in condition for condition in where):
            return None
        bare = CompositeQuestion(self.cube.name, "cubes", where, groups, sets, written)
        values = tuple(self.over_time(dice, bare, role) for _ in range(dice.randint(1, 3)))
        if None in values:
            return None
        if dice.random() < 0.5:
            values += (Value("{0}", (Aggregate("AGG", dice.choice(self.cube.measures).name),)),)
        question = replace(bare, values=values)
        if not self.is_of_one_time(question):
            return None
        return self.maybe_ordered_as(dice, question)

    def over_time(self, dice, bare, role):
        periods = [
            period_of(self.model, self.cube, bare, self.known, role, part)[0]
            for part in bare.all_sets()
        ]
        calculation = dice.choice(CALCULATED)
        if calculation in NEED_PERIOD and not any(periods):
            return None
        measures = [
            m for m in self.cube.measures if calculation in AT_OTHER_TIMES or self.is_number(m)
        ]
        own = [measure for measure in measures if measure in self.own]
        measure = dice.choice(own if own and dice.random() < 0.5 else measures)
        return Value("{0}", (Aggregate("AGG", measure.name, calculation),))

    def is_of_one_time(self, question):
        """Whether all facts that are asked for have the levels of time, and mean the same role."""
        role = time_role(self.cube, question, self.known)
        for base in self.cube.bases:
            asked = base_question(self.cube, question, base, self.known)
            if asked is None:
                continue
            known = {column.name: column for column in base.model.flat_columns(base.cube)}
            if (
                role not in {r.name for r in base.cube.roles}
                or time_role(base.cube, asked, known) != role
            ):
                return False
            texts = [*question.groups, *question.where]
            if any(
                is_time(text, role, self.known) and lacking_in(base, text, self.known)
                for text in texts
            ):
                return False
        return True

    def maybe_ordered_as(self, dice, question):
        return CompositeQuestion(**vars(self.maybe_ordered(dice, question)))
