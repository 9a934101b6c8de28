"""Star models as a person would write them down: dimensions, a fact and cubes, with their rows.

Nothing here says what a question is answered with.
"""

from dataclasses import dataclass, field

CALENDAR_LEVELS = "year half quarter month week day fiscal_year fiscal_quarter weekday".split()
CALENDAR_HIERARCHIES = {
    "calendar": ["year", "half", "quarter", "month", "day"],
    "weeks": ["week", "day"],
    "fiscal": ["fiscal_year", "fiscal_quarter", "month", "day"],
}
RETAIL_LEVELS = "retail_year retail_quarter retail_month retail_week".split()


@dataclass
class Level:
    """A level by its columns; without a key it is the record itself."""

    name: str
    key: str | None
    caption: str | None = None
    sort: str | None = None
    locales: dict = field(default_factory=dict)
    # Where it is missing, the member of the level above stands in.
    ragged: bool = False

    def captions(self):
        """Columns that show the level, its key left out."""
        columns = dict.fromkeys([self.caption, *self.locales.values()])
        return [column for column in columns if column not in (None, self.key)]

    def columns(self):
        return [c for c in [self.key, *self.captions(), self.sort] if c is not None]

    def shows_numbers(self, types):
        return self.caption is None and self.key is not None and types[self.key] == "int"

    def declaration(self):
        if self.caption is None and self.sort is None and not self.ragged:
            return self.key
        said = {} if self.key is None else {"key": self.key}
        if self.locales:
            said["caption"] = self.locales
        elif self.caption:
            said["caption"] = self.caption
        if self.sort:
            said["sort"] = self.sort
        if self.ragged:
            said["when_missing"] = "parent"
        return said


@dataclass
class Tree:
    """A hierarchy by the columns with the key of the record above; `level` where it is said."""

    name: str
    parent: list
    level: str | None

    def declaration(self):
        parent = self.parent[0] if len(self.parent) == 1 else self.parent
        return {"parent": parent, **({"level": self.level} if self.level else {})}


@dataclass
class Dimension:
    name: str
    key: list
    types: dict
    levels: list
    hierarchies: dict
    rows: list
    tree: Tree | None = None

    def level(self, name):
        return next(level for level in self.levels if level.name == name)

    def attributes(self):
        """Columns that are neither key nor caption of a level."""
        used = set()
        for level in self.levels:
            used |= {level.key, level.caption, *level.locales.values()}
        return [column for column in self.types if column not in used]


@dataclass
class Role:
    """A use of a dimension by the fact."""

    name: str
    dimension: str
    named: str | None
    on: list
    absent: str | None = None
    must_exist: bool = False


@dataclass
class Rates:
    """Rates between euros and dollars, and the days as of which amounts are converted.

    A way is a role of the date, a day, or `latest`; the oracle has the rate of each as `f_fx_<number>`.
    """

    types: dict
    rows: list
    ways: list


@dataclass
class Fact:
    name: str
    key: str
    types: dict
    raw_types: dict
    roles: list
    currencies: dict
    rows: list
    # Its source table.
    table: str = "sale"
    rates: object = None


@dataclass
class Measure:
    """`kind` and `text` as declared; `formula` as a tree of operators, constants and measures."""

    name: str
    kind: str
    text: str
    type: str
    where: str | None = None
    input_type: str | None = None
    rate: str | None = None
    formula: tuple | None = None
    convert: dict | None = None
    additive: bool = False
    options: dict = field(default_factory=dict)

    def declaration(self):
        said = {self.kind: self.text}
        if self.kind == "quantile":
            said = {"quantile": {"of": self.text, "at": self.options["at"]}}
        if self.where:
            said["where"] = self.where
        if self.convert:
            said["convert"] = self.convert
        elif self.rate:
            said["convert"] = {"to": "EUR", "rate": self.rate}
        return {**said, **{key: value for key, value in self.options.items() if key != "at"}}

    def over_time(self):
        return self.options.get("over_time")


@dataclass
class Through:
    """A dimension that a cube reaches through the fact of `model`, from the role `near`."""

    dimension: str
    near: str
    model: "Model"
    weight: str | None

    def declaration(self):
        weight = {"weight": self.weight} if self.weight else {}
        return {"through": self.model.fact.name, **weight}


@dataclass
class Cube:
    name: str
    roles: list
    levels: list
    hierarchies: dict
    measures: list
    through: list = field(default_factory=list, kw_only=True)
    # Named sets by name, as declared.
    sets: dict = field(default_factory=dict, kw_only=True)

    def measure(self, name):
        return next(measure for measure in self.measures if measure.name == name)


@dataclass
class Base:
    """A cube as a composite takes it."""

    model: "Model"
    cube: Cube
    # Names, or all.
    measures: list | None
    # By role the finest level.
    grain: dict
    unrelated: str

    def taken(self):
        """The measures it gives."""
        return [m for m in self.cube.measures if self.measures is None or m.name in self.measures]


@dataclass
class Composite(Cube):
    """A cube over cubes; `measures` are those of all of them and its own formulas."""

    bases: list = field(default_factory=list)

    def base_of(self, measure):
        """The base that gives a measure, or None for a formula of the composite."""
        return next((b for b in self.bases if measure in [m.name for m in b.taken()]), None)


@dataclass
class FlatColumn:
    """A column of the cube's relation, measures aside."""

    name: str
    type: str
    kind: str
    role: Role | None
    level: str | None


@dataclass
class Retail:
    """A calendar of whole weeks."""

    pattern: str
    first_day: str
    near: str

    def declaration(self):
        return {"pattern": self.pattern, "first_day": self.first_day, "near": self.near}


@dataclass
class Model:
    fiscal_start: int
    calendar: tuple | None
    dimensions: dict
    fact: Fact
    cubes: list
    # Models of other facts over the same dimensions, and cubes over cubes of all of them.
    others: list = field(default_factory=list)
    composites: list = field(default_factory=list)
    retail: Retail | None = None

    def all(self):
        return [self, *self.others]

    def calendar_levels(self):
        return CALENDAR_LEVELS + (RETAIL_LEVELS if self.retail else [])

    def hierarchies(self, cube, role):
        """Hierarchies of a role in a cube: lists of level names, coarse first."""
        if role.dimension == "date":
            own = CALENDAR_HIERARCHIES
            if self.retail:
                own = {**own, "retail": [*RETAIL_LEVELS, "day"]}
        else:
            own = self.dimensions[role.dimension].hierarchies
        return cube.hierarchies.get(role.dimension, own)

    def flat_columns(self, cube):
        columns = []
        for role in cube.roles:
            if role.dimension == "date":
                for level in self.calendar_levels():
                    columns.append(FlatColumn(f"{role.name}_{level}", "text", "level", role, level))
                    columns.append(
                        FlatColumn(f"{role.name}_{level}_key", "int", "key", role, level)
                    )
                columns.append(FlatColumn(f"{role.name}_date", "date", "attribute", role, None))
                continue
            dimension = self.dimensions[role.dimension]
            for level in dimension.levels:
                name = f"{role.name}_{level.name}"
                key_type = "text" if level.key is None else settled_type(dimension.types[level.key])
                shown = key_type if level.caption in (None, level.key) else "text"
                columns.append(FlatColumn(name, shown, "level", role, level.name))
                columns.append(FlatColumn(f"{name}_key", key_type, "key", role, level.name))
                for locale in level.locales:
                    columns.append(
                        FlatColumn(f"{name}_{locale}", "text", "locale", role, level.name)
                    )
            sorts = {level.sort for level in dimension.levels}
            for attribute in dimension.attributes():
                kind = dimension.types[attribute]
                kind = settled_type(kind) if attribute in sorts else kind
                columns.append(
                    FlatColumn(f"{role.name}_{attribute}", kind, "attribute", role, None)
                )
        for level in cube.levels:
            types = self.fact.types
            columns.append(
                FlatColumn(level.name, types[level.caption or level.key], "level", None, level.name)
            )
            if level.caption:
                columns.append(
                    FlatColumn(f"{level.name}_key", types[level.key], "key", None, level.name)
                )
            if level.sort:
                columns.append(
                    FlatColumn(f"{level.name}_sort", types[level.sort], "attribute", None, None)
                )
        return columns


def settled_type(declared):
    """The type of a key or sort column: whole numbers stay, all else becomes text."""
    return "int" if declared == "int" else "text"


def scale_of(declared):
    """Digits after the point of a decimal type, else None."""
    if not declared.startswith("decimal"):
        return None
    return int(declared.rstrip(")").split(",")[1])
