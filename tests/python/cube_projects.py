"""A model as a project on disk: YAML declarations and CSV files."""

import csv
import json
from pathlib import Path


def yaml(value, indent=0):
    """Block style, with every text in double quotes."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        lines = []
        for key, part in value.items():
            if isinstance(part, (dict, list)) and part:
                lines.append(f"{pad}{key}:\n{yaml(part, indent + 1)}")
            else:
                lines.append(f"{pad}{key}: {json.dumps(part, ensure_ascii=False)}")
        return "\n".join(lines)
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        items = [yaml(part, indent + 1) for part in value]
        return "\n".join(f"{pad}- {item[len(pad) + 2 :]}" for item in items)
    return f"{pad}{json.dumps(value, ensure_ascii=False)}"


def declarations(model):
    """The files of the project by name."""
    project = {
        "version": 1,
        "name": "random",
        "warehouse": "wh",
        "fiscal_year_start": model.fiscal_start,
    }
    if model.calendar:
        project["calendar"] = {"from": model.calendar[0], "to": model.calendar[1]}
    if model.retail:
        project.setdefault("calendar", {})["retail"] = model.retail.declaration()
    tables = {
        one.fact.table: {"file": f"{one.fact.table}.csv", "types": one.fact.raw_types}
        for one in model.all()
    }
    for dimension in model.dimensions.values():
        tables[dimension.name] = {"file": f"{dimension.name}.csv", "types": dimension.types}
    files = {
        "starling.yaml": project,
        "etl/sources.yaml": {
            "version": 1,
            "sources": {"raw": {"csv": {"path": "data"}, "tables": tables}},
        },
    }
    for one in model.all():
        files[f"etl/{one.fact.name}.yaml"] = fact_declaration(one)
        files.update({f"cubes/{cube.name}.yaml": cube_declaration(one, cube) for cube in one.cubes})
    if model.fact.rates:
        tables["fx"] = {"file": "fx.csv", "types": model.fact.rates.types}
        files["etl/fx.yaml"] = rates_declaration(model.fact.rates)
    for dimension in model.dimensions.values():
        files[f"etl/{dimension.name}.yaml"] = {
            "version": 1,
            "dimension": dimension.name,
            "key": dimension.key,
            "from": [
                {"table": f"raw.{dimension.name}", "columns": {c: c for c in dimension.types}}
            ],
            "levels": {level.name: level.declaration() for level in dimension.levels},
            "hierarchies": paths(dimension),
        }
    for cube in model.composites:
        files[f"cubes/{cube.name}.yaml"] = composite_declaration(cube)
    return files


def paths(dimension):
    tree = dimension.tree
    return {**dimension.hierarchies, **({tree.name: tree.declaration()} if tree else {})}


def fact_declaration(model):
    fact = model.fact
    columns = {}
    for column in fact.types:
        currency = fact.currencies.get(column)
        columns[column] = {"expr": column, "currency": currency} if currency else column
    dimensions = {}
    for role in fact.roles:
        said = dimensions.setdefault(role.dimension, {})
        if role.named is None:
            said["on"] = role.on
        elif role.absent and role.dimension == "date":
            said.setdefault("roles", {})[role.named] = {
                "on": role.on,
                "not_applicable": role.absent,
            }
        else:
            said.setdefault("roles", {})[role.named] = role.on
        if role.absent and role.dimension != "date":
            said["not_applicable"] = role.absent
        if role.must_exist:
            said["missing"] = "quarantine"
    return {
        "version": 1,
        "fact": fact.name,
        "grain": [fact.key],
        "from": [{"table": f"raw.{fact.table}", "columns": columns}],
        "dimensions": dimensions,
    }


def rates_declaration(rates):
    return {
        "version": 1,
        "fact": "fx",
        "grain": ["since", "from_code", "to_code"],
        "from": [{"table": "raw.fx", "columns": {column: column for column in rates.types}}],
        "dimensions": {"date": {"on": "since"}},
        "rates": {"from": "from_code", "to": "to_code", "rate": "rate"},
    }


def cube_declaration(model, cube):
    said = {"version": 1, "cube": cube.name, "fact": model.fact.name}
    if len(cube.roles) < len(model.fact.roles) or cube.hierarchies or cube.through:
        dimensions = {}
        for role in cube.roles:
            entry = dimensions.setdefault(role.dimension, {})
            if role.named:
                entry.setdefault("roles", []).append(role.named)
            if role.dimension in cube.hierarchies:
                entry["hierarchies"] = cube.hierarchies[role.dimension]
        dimensions.update((link.dimension, link.declaration()) for link in cube.through)
        said["dimensions"] = {name: entry or None for name, entry in dimensions.items()}
    if cube.levels:
        said["levels"] = {level.name: level.declaration() for level in cube.levels}
        for level in said["levels"]:
            if isinstance(said["levels"][level], str):
                said["levels"][level] = {"key": said["levels"][level]}
    said["measures"] = {measure.name: measure.declaration() for measure in cube.measures}
    return {**said, "sets": cube.sets} if cube.sets else said


def composite_declaration(cube):
    bases = {}
    for base in cube.bases:
        said = bases.setdefault(base.cube.name, {})
        if base.measures is not None:
            said["measures"] = base.measures
        if base.grain:
            said["grain"] = base.grain
        if base.unrelated != "error":
            said["unrelated"] = base.unrelated
    own = {m.name: m.declaration() for m in cube.measures if cube.base_of(m.name) is None}
    said = {"version": 1, "cube": cube.name, "cubes": {n: b or None for n, b in bases.items()}}
    return {**said, "measures": own} if own else said


def write_project(model, folder):
    folder = Path(folder)
    for name, content in declarations(model).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml(content) + "\n", encoding="utf-8")
    tables = {one.fact.table: (list(one.fact.raw_types), one.fact.rows) for one in model.all()}
    if model.fact.rates:
        tables["fx"] = (list(model.fact.rates.types), model.fact.rates.rows)
    for dimension in model.dimensions.values():
        tables[dimension.name] = (list(dimension.types), dimension.rows)
    (folder / "data").mkdir(exist_ok=True)
    for name, (columns, rows) in tables.items():
        with open(folder / "data" / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
