"""What is refused by the retail calendar: months and years of the civil one in its cells."""

from cube_calculations import DIFFERENCES, OVER_TIME, RATES, is_time, levels_in, time_role
from cube_models import RETAIL_LEVELS

NO_FIT = "does not fit"


def counts_days(series):
    return (
        series in ("value", "running_total") or series.startswith("rolling_") and series[-1] in "dw"
    )


def retail_refusals(model, question):
    """What the refusal says where a calculation by months or years is asked of weeks."""
    cube = next(cube for cube in model.cubes + model.composites if cube.name == question.cube)
    known = {column.name: column for column in model.flat_columns(cube)}
    role = time_role(cube, question, known)
    where = [c for c in question.where if isinstance(c, str) and is_time(c, role, known)]
    groups = {question.groups[i] for part in question.all_sets() for i in part}
    for aggregate in question.aggregates():
        calculation = aggregate.calculation
        if calculation not in OVER_TIME:
            continue
        series = DIFFERENCES.get(calculation) or RATES.get(calculation) or (calculation,)
        texts = [*groups, *where]
        if aggregate.condition is not None and is_time(aggregate.condition, role, known):
            texts.append(aggregate.condition)
        if not all(map(counts_days, series)) and levels_in(texts, known, role) & set(RETAIL_LEVELS):
            return [NO_FIT]
    return []
