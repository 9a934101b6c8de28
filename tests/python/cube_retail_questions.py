"""Questions in which calculations count in the retail calendar, and those that are refused."""

from cube_calculations import DIFFERENCES, OVER_TIME, RATES, is_time, levels_in, time_role
from cube_models import CALENDAR_LEVELS, RETAIL_LEVELS

TWO_CALENDARS = "of two calendars"
NO_FIT = "does not fit"


def counts_days(series):
    return (
        series in ("value", "running_total") or series.startswith("rolling_") and series[-1] in "dw"
    )


def series_of(calculation):
    return DIFFERENCES.get(calculation) or RATES.get(calculation) or (calculation,)


def retail_refusal(levels, series):
    """What the refusal says of a series in a question over these levels; None where it is answered."""
    if counts_days(series) or not levels & set(RETAIL_LEVELS):
        return None
    if levels & set(CALENDAR_LEVELS) - {"day", "weekday"}:
        return TWO_CALENDARS
    return NO_FIT if series in ("fqtd", "fytd") else None


def time_texts(question, condition, role, known):
    """All that is said of the time role where this condition is on an aggregate."""
    texts = [*question.where, condition]
    texts = [c for c in texts if isinstance(c, str) and is_time(c, role, known)]
    groups = {question.groups[i] for part in question.all_sets() for i in part}
    return [*groups, *texts]


def retail_refusals(model, question):
    """What the refusal says where a calculation by months or years is asked of two calendars."""
    cube = next(cube for cube in model.cubes if cube.name == question.cube)
    known = {column.name: column for column in model.flat_columns(cube)}
    role = time_role(cube, question, known)
    found = []
    for aggregate in question.aggregates():
        if aggregate.calculation in OVER_TIME:
            texts = time_texts(question, aggregate.condition, role, known)
            levels = levels_in(texts, known, role)
            found += [retail_refusal(levels, s) for s in series_of(aggregate.calculation)]
    return [said for said in found if said]
