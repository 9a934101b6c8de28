"""Named sets of random cubes, and pivot questions as JSON that choose members."""

from cube_selections import Selection


def add_sets(dice, model, askers):
    """One set of each kind for every cube."""
    for cube in model.cubes:
        asker = askers[cube.name]
        levels = choosable(asker)
        for number, kind in enumerate(("members", "keys", "where", "top")):
            level = dice.choice(levels)
            if kind == "top":
                said = {"top": leaders(dice, asker, level)}
            elif kind == "where":
                said = {"level": level.name, "where": asker.condition(dice)}
            else:
                column = level.name if kind == "members" else f"{level.name}_key"
                values = asker.values[column]
                said = {"level": level.name, kind: dice.sample(values, min(len(values), 3))}
            cube.sets[f"set_{number}"] = said


def choosable(asker):
    """Levels of dimensions that show a text."""
    return [
        c for c in asker.columns if c.kind == "level" and c.role is not None and c.type == "text"
    ]


def leaders(dice, asker, level):
    exact = [
        m.name
        for m in asker.cube.measures
        if asker.is_number(m)
        and m.type != "double"
        and not asker.is_noisy(m.name)
        and "ledger" not in m.name
    ]
    said = {"level": level.name, "n": dice.randint(1, 4), "by": dice.choice(exact)}
    return {**said, "least": True} if dice.random() < 0.3 else said


def random_filter(dice, asker, levels):
    level = dice.choice(levels)
    kind = dice.choice(["sql", "members", "keys", "range", "set"])
    if kind == "sql":
        return {"sql": asker.condition(dice)}
    if kind == "set":
        return {"set": dice.choice(sorted(asker.cube.sets))}
    values = asker.values[level.name]
    if kind == "members":
        captions = [
            c.name
            for c in asker.columns
            if c.kind == "locale" and (c.role, c.level) == (level.role, level.level)
        ]
        values = asker.values[dice.choice([level.name, *captions])]
        return {"level": level.name, "members": dice.sample(values, min(len(values), 3))}
    if kind == "keys":
        values = asker.values[f"{level.name}_key"]
        return {"level": level.name, "keys": dice.sample(values, min(len(values), 3))}
    dates = [c for c in levels if c.role.dimension == "date" and c.level != "weekday"]
    level = dice.choice(dates)
    known = [value for value in asker.values[level.name] if not value.startswith("(")]
    one, other = sorted(dice.choices(known, k=2))
    return dice.choice(
        [
            {"level": level.name, "from": one, "to": other},
            {"level": level.name, "from": one},
            {"level": level.name, "to": other},
        ]
    )


def random_selection(dice, asker):
    levels = choosable(asker)
    rows = dice.sample(levels, dice.choice([1, 1, 2]))
    names = [level.name for level in rows]
    shown = [m.name for m in asker.cube.measures]
    measures = tuple(dice.sample(shown, min(len(shown), dice.randint(1, 3))))
    filters = tuple(random_filter(dice, asker, levels) for _ in range(dice.choice([0, 1, 1, 2])))
    top = ()
    if dice.random() < 0.5:
        level = dice.choice(rows if dice.random() < 0.8 else levels)
        said = leaders(dice, asker, level)
        if level in rows and dice.random() < 0.6:
            said["others"] = dice.choice([True, "the rest"])
        top = (said,)
    elif dice.random() < 0.4:
        name = dice.choice(sorted(asker.cube.sets))
        said = asker.cube.sets[name]
        level = said.get("level") or said["top"]["level"]
        names = [name] + [other for other in names if other != level][:1]
    having = ()
    if dice.random() < 0.3:
        exact = [
            m for m in measures if asker.is_number(asker.cube.measure(m)) and not asker.is_noisy(m)
        ]
        having = tuple(f"{m} > {dice.choice([1, 20, 300])}" for m in exact[:1])
    return Selection(
        asker.cube.name, tuple(names), measures, filters, top, having, dice.random() < 0.5
    )
