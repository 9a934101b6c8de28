"""Members of which a fact row has several at once: those above it in a tree, those a link fact leads to.

Per cube and link there is a table of pairs, `<cube>_<link>`: the `member` a fact row points to, by weights
the `span` of the whole that it has, and the flat columns of the members it so has.
"""

from dataclasses import dataclass

from cube_expansion import dimension_source
from cube_models import Cube, FlatColumn, scale_of, settled_type


@dataclass
class Link:
    """A way from the role `near` of a cube to several members."""

    name: str
    near: str
    columns: list
    weight: str | None = None
    tree: bool = False
    # How many more digits after the point parts by weights have.
    places: int = 0


def links_of(model, cube):
    """The links of a cube by name."""
    links = {}
    for role in cube.roles:
        tree = role.dimension != "date" and model.dimensions[role.dimension].tree
        if tree:
            name = f"{role.name}_{tree.name}"
            columns = tree_columns(model.dimensions[role.dimension], role, name)
            links[name] = Link(name, role.name, columns, tree=True)
    for through in cube.through:
        columns = model.flat_columns(only_role(through))
        link = Link(through.dimension, through.near, columns, through.weight)
        if through.weight:
            link.places = max(6, weight_scale(through) + 2)
        links[through.dimension] = link
    return links


def weight_scale(through):
    return scale_of(through.model.fact.types[through.weight]) or 0


def only_role(through):
    """A cube of the role that a link leads to, and nothing else."""
    roles = through.model.fact.roles
    return Cube("", [role for role in roles if role.dimension == through.dimension], [], {}, [])


def shown_level(dimension):
    """The level that shows the members of a tree."""
    if dimension.tree.level:
        return dimension.level(dimension.tree.level)
    return next(level for level in dimension.levels if is_record(dimension, level))


def is_record(dimension, level):
    return level.key is None or [level.key] == dimension.key


def tree_columns(dimension, role, name):
    level = shown_level(dimension)
    key = "text" if level.key is None else settled_type(dimension.types[level.key])
    shown = key if level.caption in (None, level.key) else "text"
    columns = [
        FlatColumn(name, shown, "level", role, level.name),
        FlatColumn(f"{name}_key", key, "key", role, level.name),
        FlatColumn(f"{name}_depth", "int", "attribute", role, None),
    ]
    for locale in level.locales:
        columns.append(FlatColumn(f"{name}_{locale}", "text", "locale", role, level.name))
    return columns


# --- tables


def links_sql(model):
    """The tables of pairs of all cubes."""
    sql = ""
    for cube in model.cubes:
        for role in cube.roles:
            if role.dimension != "date" and model.dimensions[role.dimension].tree:
                sql += tree_sql(model.dimensions[role.dimension], cube, role)
        for through in cube.through:
            sql += through_sql(model, cube, through)
    return sql


def tree_sql(dimension, cube, role):
    """Each member with itself and all above it."""
    tree, level = dimension.tree, shown_level(dimension)
    name, table = f"{role.name}_{tree.name}", f"dim_{dimension.name}"
    above = " || '|' || ".join(f"CAST(own.{column} AS VARCHAR)" for column in tree.parent)
    key = level.key or "record"
    columns = [
        f"x.{level.caption or key} AS {name}",
        f"x.{key} AS {name}_key",
        f"d.depth AS {name}_depth",
    ]
    columns += [f"x.{column} AS {name}_{locale}" for locale, column in level.locales.items()]
    return (
        f"CREATE TABLE {cube.name}_{name} AS WITH RECURSIVE one AS ("
        f"SELECT own.member, up.member AS above FROM {table} own JOIN {table} up "
        f"ON own.member > 0 AND up.record = {above} AND up.member <> own.member), pairs AS ("
        f"SELECT member, member AS above FROM {table} UNION ALL "
        "SELECT pairs.member, one.above FROM pairs JOIN one ON one.member = pairs.above), "
        "depths AS (SELECT member, count(*) AS depth FROM pairs GROUP BY member) "
        f"SELECT pairs.member, {', '.join(columns)} FROM pairs "
        f"JOIN {table} x ON x.member = pairs.above JOIN depths d ON d.member = pairs.above;\n"
    )


def through_sql(model, cube, through):
    """Each member with those that rows of the link fact have beside it, else with the unknown one.

    Where the role does not apply, neither does what it leads to. Each has a span of the sum of weights, in
    the order of what they lead to; of equal ones where that is 0.
    """
    near = next(r for r in model.fact.roles if r.name == through.near)
    [far] = only_role(through).roles
    dimension = model.dimensions[far.dimension]
    weight = "0"
    if through.weight:
        unit = 10 ** weight_scale(through)
        weight = f"CAST(coalesce(f_{through.weight}, 0) * {unit} AS HUGEINT)"
    columns = ", ".join(
        f"{'x.' + dimension_source(dimension, column)} AS {column.name}"
        for column in model.flat_columns(only_role(through))
    )
    return (
        f"CREATE TABLE {cube.name}_{through.dimension} AS WITH linked AS ("
        f"SELECT m_{near.name} AS member, m_{far.name} AS far, CAST(sum({weight}) AS HUGEINT) AS w "
        f"FROM fact_{through.model.fact.name} GROUP BY 1, 2), weighed AS ("
        "SELECT member, far, CASE WHEN sum(w) OVER m > 0 THEN w ELSE 1 END AS w "
        "FROM linked WINDOW m AS (PARTITION BY member)), ends AS ("
        "SELECT member, far, w, CAST(sum(w) OVER (PARTITION BY member ORDER BY far) AS HUGEINT) AS hi, "
        "CAST(sum(w) OVER (PARTITION BY member) AS HUGEINT) AS whole FROM weighed), pairs AS ("
        "SELECT member, far, {'lo': CAST(hi - w AS HUGEINT), 'hi': hi, 'whole': whole} AS span "
        "FROM ends UNION ALL SELECT member, least(member, -1), "
        "{'lo': CAST(0 AS HUGEINT), 'hi': CAST(1 AS HUGEINT), 'whole': CAST(1 AS HUGEINT)} "
        f"FROM dim_{near.dimension} WHERE member NOT IN (SELECT member FROM linked)) "
        f"SELECT pairs.member, span, {columns} FROM pairs "
        f"JOIN dim_{far.dimension} x ON x.member = pairs.far;\n"
    )
