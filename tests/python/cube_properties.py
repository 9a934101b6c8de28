"""What must hold between the answers of a cube, whatever its data."""

import math
from collections import defaultdict

import duckdb
import pyarrow as pa

from cube_expansion import MACROS, UNKNOWN, measure_sql
from random_questions import sql_literal

CELLS_DRILLED_THROUGH = 3


def broken_properties(served, dice, calculations):
    """How many properties were looked at, and what is broken of them."""
    cube = dice.choice(served.model.cubes)
    looked_at = [
        drilled_cells_roll_up,
        drilling_down_and_rolling_up_is_the_identity,
        fact_rows_make_the_cell,
    ]
    if calculations:
        looked_at += [years_end_with_their_total, shares_sum_to_one]
    broken = []
    for property_of in looked_at:
        told = property_of(served, cube, dice)
        if told:
            broken.append(f"{property_of.__name__.replace('_', ' ')}: {told}")
    return len(looked_at), broken


def two_levels(served, cube, dice):
    """Flat key columns of two levels of a hierarchy, the coarser first; None where there are none."""
    pairs = []
    for role in cube.roles:
        for hierarchy in served.model.hierarchies(cube, role).values():
            for fine in range(1, len(hierarchy)):
                pairs += [
                    (f"{role.name}_{hierarchy[c]}_key", f"{role.name}_{hierarchy[fine]}_key")
                    for c in range(fine)
                ]
    return dice.choice(pairs) if pairs else None


def near(left, right, size=0.0):
    if left is None or right is None:
        return left is right
    if isinstance(left, float) or isinstance(right, float):
        left, right = float(left), float(right)
        return abs(left - right) <= 1e-9 * max(abs(left), abs(right), size, 1.0)
    return left == right


def total(values):
    known = [value for value in values if value is not None]
    if not known:
        return None
    return math.fsum(known) if any(isinstance(value, float) for value in known) else sum(known)


def drilled_cells_roll_up(served, cube, dice):
    """Drilling down and adding up again gives what there was: children sum to their parent.

    A formula of additive measures is left out: it is NULL for a child that lacks a part of it.
    """
    levels = two_levels(served, cube, dice)
    measures = [measure for measure in cube.measures if measure.additive and measure.kind != "expr"]
    if levels is None:
        return None
    coarse, fine = levels
    asked = ", ".join(f"AGG({measure.name})" for measure in measures)
    _, whole = served.ask(f"SELECT {coarse}, {asked} FROM cubes.{cube.name} GROUP BY {coarse}")
    sql = f"SELECT {coarse}, {fine}, {asked} FROM cubes.{cube.name} GROUP BY {coarse}, {fine}"
    _, parts = served.ask(sql)
    children = defaultdict(list)
    for parent, _, *values in parts:
        children[parent].append(values)
    if set(children) != {row[0] for row in whole}:
        return f"{coarse} has other members with {fine}: {sql}"
    for parent, *values in whole:
        for measure, value, of_children in zip(measures, values, zip(*children[parent])):
            if not near(value, total(of_children)):
                return f"{measure.name} of {parent} is {value}, its children make {total(of_children)}: {sql}"
    return None


def drilling_down_and_rolling_up_is_the_identity(served, cube, dice):
    """A question that is drilled down and rolled up again has the answer it had before."""
    steps = [
        (role.name, name, levels[at], levels[at + 1])
        for role in cube.roles
        for name, levels in served.model.hierarchies(cube, role).items()
        for at in range(len(levels) - 1)
    ]
    if not steps:
        return None
    role, hierarchy, coarse, fine = dice.choice(steps)
    coarse, fine = f"{role}_{coarse}", f"{role}_{fine}"
    names = ",".join(measure.name for measure in cube.measures)
    ask = ["query", cube.name, "--rows", coarse, "--measures", names, "--totals"]
    back = ["--drill-down", f"{coarse}@{hierarchy}", "--roll-up", f"{fine}@{hierarchy}"]
    plain, walked = (cells(served.run(*ask, *more, "--format", "arrow")) for more in ([], back))
    same = len(plain) == len(walked) and all(
        near(left, right) for rows in zip(plain, walked) for left, right in zip(*rows)
    )
    return None if same else f"{' '.join(ask + back)} gives {walked}, and {plain} before"


def cells(stream):
    table = pa.ipc.open_stream(stream).read_all()
    return [list(row.values()) for row in table.to_pylist()]


def fact_rows_make_the_cell(served, cube, dice):
    """The measures computed by hand from the rows of `$detail` are those of the cell."""
    asker = served.askers[cube.name]
    # Without balances that look at the days of all facts.
    cube = asker.cube
    levels = [c.name for c in asker.columns if c.kind in ("level", "key")]
    groups = dice.sample(levels, dice.choice([1, 2]))
    condition = asker.condition(dice)
    names = [measure.name for measure in cube.measures]
    asked = ", ".join(f"AGG({name})" for name in names)
    listed = ", ".join(groups)
    _, cells = served.ask(
        f"SELECT {listed}, {asked} FROM cubes.{cube.name} WHERE {condition} GROUP BY {listed} ORDER BY {listed}"
    )
    for cell in dice.sample(cells, min(CELLS_DRILLED_THROUGH, len(cells))):
        members = zip(groups, cell)
        place = " AND ".join(
            f"{group} IS NULL" if member is None else f"{group} = {sql_literal(member)}"
            for group, member in members
        )
        sql = f'SELECT * FROM cubes."{cube.name}$detail" WHERE ({condition}) AND {place}'
        by_hand = over_detail(served, cube, sql)
        for name, value, wanted in zip(names, cell[len(groups) :], by_hand):
            if not near(value, wanted):
                return f"{name} of {cell[: len(groups)]} is {value}, its rows make {wanted}: {sql}"
    return None


def over_detail(served, cube, sql):
    model = served.model
    database = duckdb.connect(config={"threads": 1})
    database.execute(MACROS)
    database.register("detail", served.table(sql))
    flat = {column.name for column in model.flat_columns(cube)}
    columns = []
    for column, kind in model.fact.types.items():
        # A level of this name shows a text where the row has none.
        value = f"nullif({column}, '{UNKNOWN}')" if column in flat and kind == "text" else column
        columns.append(f"{value} AS f_{column}")
    columns += [f"{role.name}_key AS m_{role.name}" for role in model.fact.roles]
    if model.fact.rates:
        rates = [f"f_fx_{number}" for number in range(len(model.fact.rates.ways))]
        known = served.oracle.cursor().sql(f"SELECT f_sale_no, {', '.join(rates)} FROM fact_{served.model.fact.name}")
        database.register("rates", known.to_arrow_table())
        columns += [f"(SELECT {name} FROM rates WHERE f_sale_no = sale_no) AS {name}" for name in rates]
    database.execute(f"CREATE TABLE rows_behind AS SELECT *, {', '.join(columns)} FROM detail")
    values = ", ".join(f"({measure_sql(model, cube, measure.name)})" for measure in cube.measures)
    return database.execute(f"SELECT {values} FROM rows_behind").fetchone()


def years_end_with_their_total(served, cube, dice):
    """The year to date at the end of a year is the year."""
    roles = [role.name for role in cube.roles if role.dimension == "date"]
    role, (level, to_date) = dice.choice(roles), dice.choice(
        [("year", "ytd"), ("fiscal_year", "fytd")]
    )
    measures = dice.sample(cube.measures, min(3, len(cube.measures)))
    asked = ", ".join(f"AGG({m.name}), AGG({m.name}_{to_date})" for m in measures)
    key = f"{role}_{level}_key"
    sql = f"SELECT {key}, {asked} FROM cubes.{cube.name} WHERE {key} > 0 GROUP BY {key}"
    for year, *values in served.ask(sql)[1]:
        for measure, whole, at_end in zip(measures, values[::2], values[1::2]):
            if not near(whole, at_end):
                return f"{measure.name} of {year} is {whole}, and {at_end} at its end: {sql}"
    return None


def shares_sum_to_one(served, cube, dice):
    """The shares of all children of a parent make one."""
    levels, measures = two_levels(served, cube, dice), [
        m for m in cube.measures if m.additive and m.kind != "expr"
    ]
    if levels is None:
        return None
    coarse, fine = levels
    measure = dice.choice(measures).name
    whole = dice.choice(["parent", coarse.removesuffix("_key")])
    asked = f"AGG({measure}), AGG({measure}_share_of_{whole})"
    sql = f"SELECT {coarse}, {asked} FROM cubes.{cube.name} GROUP BY {coarse}, {fine}"
    shares, values = defaultdict(list), defaultdict(list)
    for parent, value, share in served.ask(sql)[1]:
        values[parent].append(value)
        shares[parent].append(share)
    for parent, of_children in shares.items():
        made, size = total(of_children), sum(abs(share or 0) for share in of_children)
        if not near(made, 1.0 if total(values[parent]) else None, size):
            return f"the shares of {measure} in {parent} make {made}: {sql}"
    return None
