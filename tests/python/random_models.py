"""Random star models and data: whatever a cube has to cope with, in a few hundred rows.

Several hierarchies of a dimension, dates and other dimensions in several roles, members that are not
there or do not apply, captions that are shared or missing, gaps and leap days, NULL in every column.
"""

from datetime import date, timedelta

from cube_models import Cube, Dimension, Fact, Level, Measure, Model, Rates, Retail, Role, scale_of

SYLLABLES = "ba co de fi gu ha jo ka li mo ne po qui ra so ta vu wi xe yo zé Ål 中".split()
# Main hierarchy, coarse first, and a second way to the same records.
SHAPES = {
    "customer": (["continent", "country", "city", "customer"], "segment"),
    "product": (["department", "family", "product"], "brand"),
    "store": (["region", "store"], "format"),
    "seller": (["division", "team", "seller"], "grade"),
}
ROLE_NAMES = {"customer": "ship", "product": "spare", "store": "return", "seller": "second"}
DATE_ROLES = ["ordered", "shipped", "paid"]

OVER_TIME = ["last", "first", "last_non_empty", "first_non_empty", "average", "min", "max"]

# --- dimensions


def word(dice, taken):
    while True:
        text = "".join(dice.choice(SYLLABLES) for _ in range(dice.randint(2, 3))).capitalize()
        if dice.random() < 0.1:
            text = dice.choice([f"O'{text}", f"{text} & Co", f"New {text}"])
        if text not in taken:
            taken.add(text)
            return text


def random_level(dice, name, columns, record_key):
    """A level and the types of its columns, which are added to `columns`."""
    shape = dice.choice(["plain", "plain", "coded", "numbered", "number", "locales"])
    if record_key:
        shape = dice.choice(["coded", "record", "key"])
        if len(record_key) > 1:
            shape = "record"
    sort = None
    if dice.random() < 0.3 and shape not in ("plain", "key", "record"):
        sort = f"{name}_rank"
        columns[sort] = dice.choice(["int", "text"])
    if shape == "plain":
        columns[f"{name}_label"] = "text"
        return Level(name, f"{name}_label")
    if shape == "number":
        columns[f"{name}_no"] = "int"
        return Level(name, f"{name}_no", sort=sort)
    if shape == "key":
        return Level(name, record_key[0])
    columns[f"{name}_name"] = "text"
    if shape == "record":
        return Level(name, None, f"{name}_name")
    key = record_key[0] if record_key else f"{name}_{'no' if shape == 'numbered' else 'code'}"
    columns.setdefault(key, "int" if shape == "numbered" else "text")
    if shape == "locales":
        columns[f"{name}_nom"] = "text"
        return Level(name, key, f"{name}_name", sort, {"en": f"{name}_name", "fr": f"{name}_nom"})
    return Level(name, key, f"{name}_name", sort)


def level_members(dice, level, count, types, parents, taken):
    """Per member: its values by column, and which member of the level above it belongs to."""
    members = []
    for index in range(count):
        values = {}
        for column in level.columns():
            if column == level.key and types[column] == "int":
                values[column] = (index + 1) * 7 % 31 + 1
            elif column == level.key and level.caption:
                values[column] = f"{level.name[:2].upper()}{index:02}"
            elif column == level.sort:
                rank = (index * 5 + 3) % 11
                values[column] = rank if types[column] == "int" else f"r{rank:02}"
            else:
                values[column] = word(dice, taken)
        for caption in level.captions():
            if dice.random() < 0.06:
                values[caption] = None
        members.append((values, dice.randrange(parents) if parents else None))
    if level.caption and level.key and parents and dice.random() < 0.5 and count > 2:
        # Two members share a caption: below two parents, or below one.
        members[1][0][level.caption] = members[0][0][level.caption]
    return members


def random_dimension(dice, name):
    chain, second = SHAPES[name]
    chain = chain[dice.randrange(len(chain)) :]
    if dice.random() < 0.15 and len(chain) > 1:
        chain = chain[:-1]
    types = {f"{name}_no": dice.choice(["text", "text", "int"])}
    key = [f"{name}_no"]
    if dice.random() < 0.2:
        types["series"] = "text"
        key.append("series")
    levels = []
    for level in chain:
        levels.append(random_level(dice, level, types, key if level == name else None))
    hierarchies = {"main": list(chain)}
    for above, level in zip(levels, levels[1:]):
        # Records are never missing.
        wanted = dice.random() < 0.7 and level.name != name
        level.ragged = wanted and can_stand_in(above, level, types)
    if dice.random() < 0.6:
        levels.insert(dice.randint(0, 1), random_level(dice, second, types, None))
        hierarchies["other"] = [second] + ([name] if name in chain else [])
        if dice.random() < 0.4:
            hierarchies = dict(reversed(hierarchies.items()))
    taken = set()
    counts = sorted(dice.randint(2, 9) for _ in chain)
    records = dice.randint(8, 14)
    ragged = [level.name for level in levels if level.ragged]
    members, above = {}, None
    for level_name, count in zip(chain, counts):
        if level_name == name:
            continue
        level = next(level for level in levels if level.name == level_name)
        members[level_name] = level_members(dice, level, count, types, above, taken)
        above = count
    if "other" in hierarchies:
        level = next(level for level in levels if level.name == second)
        members[second] = level_members(dice, level, dice.randint(2, 4), types, None, taken)
    attributes = {"phone": "text", "rating": "int", "since": "date", "credit": "decimal(10,2)"}
    own = dice.sample(sorted(attributes), dice.randint(1, 3))
    types.update({attribute: attributes[attribute] for attribute in own})
    rows = []
    for number in range(records):
        rows.append(
            random_record(dice, name, number, key, types, chain, members, second, taken, ragged)
        )
    return Dimension(name, key, types, levels, hierarchies, rows)


def can_stand_in(above, level, types):
    """Whether a member of the level above has all that one of this level shows, and a key of its own."""
    if any(one.key is None or types[one.key] == "int" for one in (above, level)):
        return False
    if level.sort and (above.sort is None or types[above.sort] != types[level.sort]):
        return False
    if level.caption is None or level.caption == level.key:
        return level.caption is above.caption
    return above.name[:2] != level.name[:2]


def random_record(dice, name, number, key, types, chain, members, second, taken, ragged):
    row = dict.fromkeys(types)
    row[key[0]] = number + 100 if types[key[0]] == "int" else f"{name[0].upper()}{number:02}"
    if len(key) > 1:
        row[key[1]] = "AB"[number % 2]
    if f"{name}_name" in types:
        row[f"{name}_name"] = word(dice, taken)
    if f"{name}_rank" in types:
        rank = number * 3 % 7
        row[f"{name}_rank"] = rank if types[f"{name}_rank"] == "int" else f"r{rank}"
    # From the finest level up, each member brings the one above it.
    member = None
    for level in reversed([level for level in chain if level in members]):
        index = dice.randrange(len(members[level])) if member is None else member
        values, member = members[level][index]
        if dice.random() >= (0.2 if level in ragged else 0.06):
            row.update(values)
    if second in members and dice.random() >= 0.06:
        row.update(dice.choice(members[second])[0])
    random_attributes(dice, row, types)
    return row


def random_attributes(dice, row, types):
    values = {
        "phone": lambda: f"ext {dice.randint(10, 19)}",
        "rating": lambda: dice.randint(1, 5),
        "since": lambda: date(2015, 1, 1) + timedelta(dice.randrange(3000)),
        "credit": lambda: f"{dice.randint(0, 99999) / 100:.2f}",
    }
    for attribute, value in values.items():
        if attribute in types and dice.random() >= 0.15:
            row[attribute] = value()


# --- the fact

FACT_COLUMNS = {
    "quantity": "int",
    "returned": "int",
    "price": "decimal(10,2)",
    "amount": "decimal(12,2)",
    "cost": "decimal(14,3)",
    "ledger": "decimal(28,4)",
    "weight": "double",
    "rate": "decimal(8,4)",
    "channel": "text",
    "note": "text",
    "promised": "date",
    "doc_no": "int",
    "doc_name": "text",
    "doc_rank": "int",
}


def random_days(dice):
    """Days that have facts: two to three years with gaps, month ends, leap days and a running end."""
    first = date(dice.choice([2019, 2020, 2023, 2023]), dice.randint(1, 12), dice.randint(1, 28))
    last = first + timedelta(dice.randint(600, 1000))
    every = [first + timedelta(offset) for offset in range((last - first).days + 1)]
    gaps = {(day.year, day.month) for day in dice.sample(every, dice.randint(1, 4))}
    gaps -= {(first.year, first.month), (last.year, last.month)}
    kept = [day for day in every if (day.year, day.month) not in gaps]
    month_ends = [day for day in kept if (day + timedelta(1)).day == 1]
    leap = [day for day in kept if (day.month, day.day) in ((2, 28), (2, 29))]
    new_year = [day for day in kept if (day.month, day.day) in ((1, 1), (12, 31), (12, 29))]
    return [first, last] + dice.choices(kept, k=150) + month_ends + leap * 3 + new_year


def random_rates(dice, fact, years, calendar):
    """Rates from the first day on that have an exact inverse, in one direction or both."""
    days = [row[fact.roles[0].on[0]] for row in fact.rows]
    days = sorted({date.fromisoformat(str(day)[:10]) for day in days if day})
    days = [day for day in days if not calendar or str(day) <= calendar[1]]
    since = {date(int(years[0]), 1, 1), *dice.sample(days, min(len(days), dice.randint(1, 30)))}
    pairs = dice.choice([[("EUR", "USD")], [("USD", "EUR")], [("EUR", "USD"), ("USD", "EUR")]])
    rates = ["0.25", "0.4", "0.5", "0.625", "0.8", "1", "1.25", "1.6", "2", "2.5", "4"]
    rows = []
    for day in sorted(since):
        some = pairs if dice.random() < 0.5 else [dice.choice(pairs)]
        for one, other in some:
            row = {"since": day, "from_code": one, "to_code": other, "rate": dice.choice(rates)}
            rows.append(row)
    dice.shuffle(rows)
    types = {"since": "date", "from_code": "text", "to_code": "text", "rate": "decimal(8,4)"}
    ways = [role.name for role in fact.roles if role.dimension == "date"]
    return Rates(types, rows, ways + ["latest", str(dice.choice(days))])


def random_value(dice, column, odds):
    if dice.random() < odds.get(column, 0):
        return None
    return {
        "quantity": lambda: dice.randint(-3, 40),
        "returned": lambda: dice.choice([0, 0, 0, 1, 2]),
        "price": lambda: f"{dice.randint(1, 9999) / 100:.2f}",
        "amount": lambda: f"{dice.randint(-20000, 200000) / 100:.2f}",
        "cost": lambda: f"{dice.randint(0, 900000) / 1000:.3f}",
        "ledger": lambda: f"{dice.randint(-(10**9), 10**17)}.{dice.randint(0, 9999):04}",
        "weight": lambda: dice.randint(1, 800) / 8,
        "rate": lambda: f"{dice.randint(5000, 15000) / 10000:.4f}",
        "channel": lambda: dice.choice(["web", "shop", "phone"]),
        "note": lambda: dice.choice(["gift", "rush", "Ünïcode", "it's"]),
        "promised": lambda: date(2024, 1, 1) + timedelta(dice.randint(-300, 300)),
    }[column]()


def random_fact(dice, dimensions):
    measured = ["quantity", "amount", "channel", "weight"]
    optional = [column for column in FACT_COLUMNS if column not in measured and column[:3] != "doc"]
    chosen = measured + dice.sample(optional, dice.randint(3, len(optional)))
    types = {"sale_no": "int", **{c: t for c, t in FACT_COLUMNS.items() if c in chosen}}
    if dice.random() < 0.6:
        types.update({c: t for c, t in FACT_COLUMNS.items() if c[:3] == "doc"})
    currencies = {"amount": "EUR"} if dice.random() < 0.5 else {}
    raw_types, roles = dict(types), []
    dates = ["date"] + dice.sample(DATE_ROLES, dice.randint(0, 2))
    if len(dates) > 1 and dice.random() < 0.3:
        dates = dates[1:]
    for index, name in enumerate(dates):
        named = None if name == "date" else name
        column = "sold_on" if named is None else f"{named}_on"
        raw_types[column] = "timestamp" if dice.random() < 0.2 else "date"
        absent = f"{column} IS NULL" if index and dice.random() < 0.4 else None
        roles.append(
            Role("date" if named is None else f"{named}_date", "date", named, [column], absent)
        )
    for dimension in dimensions.values():
        uses = [None] if dice.random() < 0.7 else [None, ROLE_NAMES[dimension.name]]
        if len(uses) > 1 and dice.random() < 0.2:
            uses = uses[1:]
        absent = "channel = 'phone'" if dice.random() < 0.25 else None
        must_exist = dice.random() < 0.1
        for named in uses:
            prefix = "" if named is None else f"{named}_"
            on = [f"{prefix}{column}" for column in dimension.key]
            on = [f"for_{column}" for column in on]
            raw_types.update({c: dimension.types[k] for c, k in zip(on, dimension.key)})
            name = f"{prefix}{dimension.name}"
            roles.append(Role(name, dimension.name, named, on, absent, must_exist))
    fact = Fact("sales", "sale_no", types, raw_types, roles, currencies, [])
    fact.rows = random_rows(dice, fact, dimensions)
    return fact


def random_rows(dice, fact, dimensions):
    odds = {c: dice.choice([0, 0.05, 0.2]) for c in fact.types if c not in ("sale_no", "channel")}
    odds["rate"] = 0
    odds["channel"] = dice.choice([0, 0.1])
    days = random_days(dice)
    dice.shuffle(days)
    blank_year = dice.choice([None, min(days).year + 1])
    rows = []
    for number, day in enumerate(days):
        row = {"sale_no": number + 1}
        for column in fact.types:
            if column != "sale_no" and column[:3] != "doc":
                row[column] = random_value(dice, column, odds)
        if day.year == blank_year and "cost" in row:
            row["cost"] = None
        if "doc_no" in fact.types:
            document = number // 3
            row.update(doc_no=document, doc_name=f"Doc {document}", doc_rank=-document)
            if document % 13 == 5:
                row["doc_name"] = None
        for role in fact.roles:
            if role.dimension == "date":
                row[role.on[0]] = random_moment(dice, day, role, fact)
            else:
                row.update(zip(role.on, random_key(dice, dimensions[role.dimension])))
        rows.append(row)
    return rows


def random_moment(dice, day, role, fact):
    """The day of a role: the first role's is the row's, others follow later; some are not known."""
    first = role is fact.roles[0]
    if dice.random() < (0.03 if first else 0.12):
        return None
    shown = day if first else day + timedelta(dice.choice([0, 1, 3, 30, 45]))
    if fact.raw_types[role.on[0]] == "timestamp":
        return f"{shown} {dice.randint(0, 23):02}:{dice.randint(0, 59):02}:00"
    return shown


def random_key(dice, dimension):
    roll = dice.random()
    if roll < 0.05:
        return [None] * len(dimension.key)
    if roll < 0.10:
        return [999 if dimension.types[column] == "int" else "X9" for column in dimension.key]
    # Some members sell much more than others, and some nothing.
    count = len(dimension.rows)
    row = dimension.rows[min(dice.randrange(count), dice.randrange(count))]
    return [row[column] for column in dimension.key]


# --- cubes


def random_measures(dice, fact, conditions, newer):
    numbers = [
        c
        for c in ("quantity", "returned", "amount", "price", "cost", "ledger", "weight")
        if c in fact.types
    ]
    measures = [Measure("lines", "count", "*", "int", additive=True)]
    inputs = [(column, fact.types[column], column) for column in numbers]
    inputs.append(("quantity * weight", "double", "load"))
    if "price" in fact.types:
        inputs.append(("quantity * price", "decimal(29,2)", "value"))
    if "returned" in fact.types:
        inputs.append(("quantity - returned", "int", "kept"))
    if "cost" in fact.types:
        inputs.append(("coalesce(cost, 0)", "decimal(14,3)", "cost0"))
    for text, kind, short in dice.sample(inputs, min(len(inputs), dice.randint(3, 5))):
        measures.append(sum_like(dice, fact, "sum", text, kind, short, conditions))
        if dice.random() < 0.4:
            measures.append(
                sum_like(
                    dice, fact, dice.choice(["avg", "min", "max"]), text, kind, short, conditions
                )
            )
    if dice.random() < 0.5:
        text = dice.choice([c for c in ("channel", "note", "promised", "cost") if c in fact.types])
        extreme = dice.choice(["min", "max"])
        measures.append(Measure(f"{extreme}_{text}", extreme, text, fact.types[text]))
    if dice.random() < 0.6:
        text = dice.choice(numbers + [c for c in ("note",) if c in fact.types])
        where = dice.choice(conditions) if dice.random() < 0.4 else None
        measures.append(Measure(f"count_{text}", "count", text, "int", where, additive=True))
    roles = [role.name for role in fact.roles]
    counted = (
        roles + [c for c in ("note", "doc_no", "channel") if c in fact.types] + ["quantity % 7"]
    )
    for text in dice.sample(counted, min(len(counted), dice.randint(1, 2))):
        name = "distinct_" + text.replace(" % ", "_")
        where = dice.choice(conditions) if dice.random() < 0.3 else None
        measures.append(Measure(name, "distinct", text, "int", where))
    if fact.rates:
        for _ in range(2):
            kind = dice.choice(["sum", "sum", "avg", "min", "max"])
            amount = ("amount", fact.types["amount"], "amount")
            measures.append(sum_like(dice, fact, kind, *amount, conditions, converted=True))
    if newer:
        measures += newer_measures(dice, fact, inputs, conditions)
    unique = {measure.name: measure for measure in measures}
    measures = list(unique.values())
    for number in range(dice.randint(2, 4)):
        measures.append(random_formula(dice, measures, number))
    return measures


def newer_measures(dice, fact, inputs, conditions):
    """Balances, first and last values, medians and spreads, approximate counts."""
    measures = []
    for text, kind, short in dice.sample(inputs, min(len(inputs), 4)):
        where = dice.choice(conditions) if dice.random() < 0.3 else None
        shape = dice.choice(
            ["balance", "balance", "edge", "quantile", "median", "variance", "stddev"]
        )
        if shape == "balance":
            how = dice.choice(OVER_TIME)
            measure = sum_like(dice, fact, "sum", text, kind, f"{short}_{how}", [])
            if where and measure.where:
                where = f"({where}) AND {measure.where}"
            measure.where = where or measure.where
            measure.additive, measure.options = False, {"over_time": how}
            scale = scale_of(measure.input_type)
            if how == "average":
                digits = None if scale is None else mean_scale(scale, measure.convert)
                measure.type = "double" if scale is None else f"decimal(38,{digits})"
        elif shape == "edge":
            edge = dice.choice(["first", "last"])
            measure = Measure(f"{edge}_{short}", edge, text, kind, where, kind)
        else:
            measure = Measure(f"{shape}_{short}", shape, text, "double", where, kind)
            if shape == "quantile":
                measure.options = {"at": dice.choice(["0.95", "0.1", "0.25", "0", "1"])}
            elif shape != "median" and dice.random() < 0.5:
                measure.options = {"population": True}
        measures.append(measure)
    how = dice.choice(OVER_TIME)
    result = "double" if how == "average" else "int"
    measures.append(
        Measure(f"count_{how}", "count", "*", result, None, "int", options={"over_time": how})
    )
    text = dice.choice([c for c in ("note", "channel") if c in fact.types])
    measures.append(Measure(f"last_{text}", "last", text, "text", None, "text"))
    name = dice.choice([role.name for role in fact.roles])
    measures.append(
        Measure(f"about_{name}", "distinct", name, "int", options={"approximate": True})
    )
    return measures


def mean_scale(scale, convert):
    """The digits of a mean: of converted amounts as of the amounts, which have 2."""
    return max((2 if convert else scale) + 4, 6)


def sum_like(dice, fact, kind, text, input_type, short, conditions, converted=False):
    name, where, rate = f"{kind}_{short}", None, None
    if conditions and dice.random() < 0.3:
        name, where = f"{name}_if", dice.choice(conditions)
    eur = "rate" in fact.types and text == "amount" and not converted
    if eur and dice.random() < 0.4:
        name, rate, input_type = f"{name}_eur", "rate", "decimal(21,6)"
    convert = None
    usd = rate is None and fact.rates and text == "amount"
    if usd and (converted or dice.random() < 0.4):
        number = dice.randrange(len(fact.rates.ways))
        way = fact.rates.ways[number]
        name, rate, input_type = f"{name}_usd", f"fx_{number}", "decimal(21,6)"
        convert = {"to": "USD", "rates": "fx"}
        if way.endswith("date"):
            convert["as_of"] = way
            # What has no day has no rate.
            known = f"{way}_year_key > 0"
            where = f"({where}) AND {known}" if where else known
        else:
            convert["at"] = way
    scale = scale_of(input_type)
    result = input_type
    if kind == "sum" and scale is not None:
        result = f"decimal(38,{scale})"
    if kind == "avg":
        result = "double" if scale is None else f"decimal(38,{mean_scale(scale, convert)})"
    additive = kind == "sum"
    return Measure(
        name, kind, text, result, where, input_type, rate, convert=convert, additive=additive
    )


def random_formula(dice, measures, number):
    numeric = [m for m in measures if m.type in ("int", "double") or scale_of(m.type) is not None]
    # Dollars are not added to euros.
    dollars = [m for m in numeric if m.convert]
    euros = [m for m in numeric if not m.convert]
    numeric = dollars if dollars and dice.random() < 0.3 else euros
    left, right = dice.choice(numeric), dice.choice(numeric)
    narrow = [m for m in (left, right) if (scale_of(m.type) or 0) <= 4]
    shape = dice.choice(["ratio", "ratio", "difference", "sum", "scaled", "share", "percent"])
    if shape == "difference":
        tree = ("-", left.name, right.name)
    elif shape == "sum":
        tree = ("+", left.name, right.name)
    elif shape == "scaled" and narrow:
        tree = ("*", narrow[0].name, 2)
    elif shape == "share":
        tree = ("/", ("-", left.name, right.name), left.name)
    elif shape == "percent":
        tree = ("*", 100, ("/", left.name, right.name))
    else:
        tree = ("/", left.name, right.name)
    by_name = {m.name: m for m in measures}
    return Measure(
        f"formula_{number}",
        "expr",
        formula_text(tree),
        formula_type(tree, by_name),
        formula=tree,
        additive=formula_additive(tree, by_name),
    )


def formula_text(tree):
    if not isinstance(tree, tuple):
        return str(tree)
    left, right = (
        f"({formula_text(part)})" if isinstance(part, tuple) else str(part) for part in tree[1:]
    )
    return f"{left} {tree[0]} {right}"


def formula_type(tree, by_name):
    if isinstance(tree, int):
        return "int"
    if isinstance(tree, str):
        return by_name[tree].type
    kinds = [formula_type(part, by_name) for part in tree[1:]]
    if tree[0] == "/" or "double" in kinds:
        return "double"
    scales = [scale_of(kind) for kind in kinds]
    if scales == [None, None]:
        return "int"
    return f"decimal(38,{max(scale or 0 for scale in scales)})"


def formula_additive(tree, by_name):
    """Only additions, subtractions and multiples of additive measures add up."""
    if isinstance(tree, int):
        return False
    if isinstance(tree, str):
        return by_name[tree].additive
    left, right = (formula_additive(part, by_name) for part in tree[1:])
    if tree[0] in "+-":
        return left and right
    constant = [isinstance(part, int) for part in tree[1:]]
    return tree[0] == "*" and (left and constant[1] or right and constant[0])


def random_cube(dice, name, fact, dimensions, newer):
    roles = list(fact.roles)
    hierarchies = {}
    if name != "sales" and len({role.dimension for role in roles}) > 2:
        left_out = dice.choice([r.dimension for r in roles if r.dimension != "date"])
        roles = [role for role in roles if role.dimension != left_out]
    for dimension in dimensions.values():
        main = dimension.hierarchies["main"]
        if name != "sales" and len(main) > 2 and dimension.name in {r.dimension for r in roles}:
            hierarchies[dimension.name] = {"short": [main[0], main[-1]], "main": main}
    levels = [Level("channel", "channel")] if dice.random() < 0.7 else []
    if "doc_no" in fact.types:
        levels.append(Level("document", "doc_no", "doc_name", "doc_rank"))
    conditions = ["channel = 'web'", "quantity > 10", "channel <> 'shop'", "weight IS NOT NULL"]
    for role in roles:
        if role.dimension == "date":
            conditions.append(f"{role.name}_weekday_key <= 5")
            conditions.append(f"{role.name}_month_key % 2 = 0")
            continue
        dimension = dimensions[role.dimension]
        texts = [level for level in dimension.levels if not level.shows_numbers(dimension.types)]
        if texts:
            conditions.append(f"{role.name}_{dice.choice(texts).name} <> '(unknown)'")
    return Cube(name, roles, levels, hierarchies, random_measures(dice, fact, conditions, newer))


def random_retail(dice):
    """Years of whole weeks, named after the year of a day about which they start."""
    days = ["monday", "saturday", "sunday", "wednesday"]
    near = ["01-01", "02-01", "08-31", "12-29"]
    pattern = dice.choice(["4-4-5", "4-5-4", "5-4-4"])
    return Retail(pattern, dice.choice(days), dice.choice(near))


def random_model(dice, newer=False):
    """A model; `newer` adds the measures that know of days, ranks and spreads."""
    names = dice.sample(sorted(SHAPES), dice.randint(1, 3))
    dimensions = {name: random_dimension(dice, name) for name in names}
    fact = random_fact(dice, dimensions)
    days = [row[fact.roles[0].on[0]] for row in fact.rows]
    years = sorted({str(day)[:4] for day in days if day})
    calendar = None
    if dice.random() < 0.3:
        # Facts after it go to quarantine.
        calendar = (f"{int(years[0]) - 1}-01-01", f"{years[-1]}-{dice.choice(['03-31', '12-31'])}")
    if fact.currencies and dice.random() < 0.7:
        fact.rates = random_rates(dice, fact, years, calendar)
    cubes = [random_cube(dice, "sales", fact, dimensions, newer)]
    if dice.random() < 0.5:
        cubes.append(random_cube(dice, "other_sales", fact, dimensions, newer))
    model = Model(dice.choice([1, 1, 2, 4, 7, 10]), calendar, dimensions, fact, cubes)
    model.retail = random_retail(dice) if dice.random() < 0.4 else None
    return model
