"""The epoch before: the same model with other data, declared a little differently."""

from copy import deepcopy
from dataclasses import replace


def random_past(dice, model):
    """The model as it was: fewer rows, other members, another fiscal year and retail pattern."""
    past = deepcopy(model)
    start = dice.choice([1, 3, 4, 10])
    for one in past.all():
        one.fiscal_start = start
        if one.retail:
            one.retail = replace(one.retail, pattern=dice.choice(["4-4-5", "4-5-4", "5-4-4"]))
        if one.cubes:
            # What links members stays, and so do their shares.
            one.fact.rows = [row for row in one.fact.rows if dice.random() < 0.7]
    for row in past.fact.rows:
        if dice.random() < 0.2:
            row["quantity"] = dice.randint(0, 9)
    for dimension in past.dimensions.values():
        exchange(dice, dimension)
    return past


def exchange(dice, dimension):
    """Two records are under each other's members, but for what says who they are."""
    stays = set(dimension.key) | set(dimension.tree.parent if dimension.tree else [])
    one, other = dice.sample(dimension.rows, 2)
    for column in dimension.types:
        if column not in stays:
            one[column], other[column] = other[column], one[column]
