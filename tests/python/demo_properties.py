"""What must hold between answers of the demo company's cubes, whatever its rows are.

Usage: demo_properties.py BINARY PROJECT WORKDIR

`cube_properties.py` asks random cubes the same. Nothing here knows how an answer is computed: what is
compared are answers with answers, and answers with the fact rows behind them.
"""

import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

sys.dont_write_bytecode = True
import adbc_driver_flightsql.dbapi as flight_sql
from starling_demo import Report, Starling, records

AT_ONCE = 2
# Sums of doubles depend in their last digits on the order of rows.
RELATIVE = 1e-9
CELLS_DRILLED_THROUGH = 2
# What `system.measures` writes of measures that can be computed from fact rows here.
PLAIN = re.compile(r"(sum|count|min|max|distinct)\((\*|\w+)\)")


class Served(Starling):
    """The warehouse, with a server for SQL, so that the program starts once for many questions."""

    def __init__(self, binary, project, warehouse, log):
        super().__init__(binary, project, warehouse)
        self.load()
        self.log = log
        with open(log, "w", encoding="utf-8") as out:
            command = [*self.command, "serve", "--flight", "127.0.0.1:0"]
            self.server = subprocess.Popen(command, stderr=out)
        self.own = threading.local()
        self.opened = []

    def address(self):
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and self.server.poll() is None:
            found = re.search(r"grpc://\S+?(?=;)", self.log.read_text(encoding="utf-8"))
            if found:
                return found.group()
            time.sleep(0.02)
        raise RuntimeError(f"not served: {self.log.read_text(encoding='utf-8')}")

    def sql(self, query):
        if not hasattr(self.own, "connection"):
            self.own.connection = flight_sql.connect(self.address(), autocommit=True)
            self.opened.append(self.own.connection)
        with self.own.connection.cursor() as cursor:
            cursor.execute(query)
            table = cursor.fetch_arrow_table()
        columns = [column.to_pylist() for column in table.columns]
        texts = [["" if value is None else str(value) for value in row] for row in zip(*columns)]
        return table.column_names, texts

    def close(self):
        for connection in self.opened:
            connection.close()
        self.server.terminate()
        self.server.wait()


class Cube:
    """What there is to ask of one cube."""

    def __init__(self, name, starling):
        where = f"WHERE cube = '{name}'"
        self.name = name
        self.measures = {
            row["measure"]: row
            for row in starling.rows(f"SELECT * FROM system.measures {where} ORDER BY measure")
        }
        self.paths = defaultdict(list)
        order = "ORDER BY role, hierarchy, level_number"
        for row in starling.rows(f"SELECT * FROM system.hierarchies {where} {order}"):
            self.paths[row["role"], row["hierarchy"]].append(row["level"])
        # A tree is no path of levels. Of several roles with one hierarchy, one is looked at.
        paths = {hierarchy: (role, levels) for (role, hierarchy), levels in self.paths.items()}
        self.paths = {
            (role, hierarchy): levels
            for hierarchy, (role, levels) in paths.items()
            if len(levels) > 1
        }
        dates = starling.rows(f"SELECT role FROM system.dimensions {where} AND dimension = 'date'")
        self.dates = [row["role"] for row in dates]

    def sums(self):
        """Measures whose children add up. A formula has no value where a child lacks a part of it."""
        return [
            name
            for name, row in self.measures.items()
            if row["additivity"] == "additive" and row["kind"] in ("sum", "count")
        ]


def number(text):
    return None if text == "" else Decimal(text)


def near(left, right):
    if left is None or right is None:
        return left is right
    return abs(left - right) <= Decimal(RELATIVE) * max(abs(left), abs(right), 1)


def total(values):
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def aggregates(measures, suffix=""):
    return ", ".join(f"AGG({measure}{suffix})" for measure in measures)


def children_sum_to_their_parent(report, starling, cube):
    """On every path, each member is the sum of the members under it, and all is the sum of the tops."""
    measures = cube.sums()
    for path, levels in cube.paths.items():
        keys = ", ".join(f"{level}_key" for level in levels)
        sql = f"SELECT {keys}, GROUPING({keys}), {aggregates(measures)} FROM cubes.{cube.name} GROUP BY ROLLUP ({keys})"
        by_depth = defaultdict(dict)
        for row in starling.sql(sql)[1]:
            members, grouping, values = row[: len(levels)], row[len(levels)], row[len(levels) + 1 :]
            depth = len(levels) - int(grouping).bit_length()
            by_depth[depth][tuple(members[:depth])] = [number(value) for value in values]
        for depth in range(len(levels)):
            children = defaultdict(list)
            for members, values in by_depth[depth + 1].items():
                children[members[:depth]].append(values)
            report.equal(f"{cube.name} {path} {depth}: members", set(children), set(by_depth[depth]))
            for members, values in by_depth[depth].items():
                parts = zip(*children[members])
                for measure, value, of_children in zip(measures, values, parts):
                    made = total(of_children)
                    if not near(value, made):
                        report.fail(f"{cube.name} {path}: {measure} of {members} is {value}, its children make {made}")
                    report.compared += 1


def drilling_down_and_rolling_up_is_the_identity(report, starling, cube):
    """From each level to the next finer one and back, with a member and without."""
    measures = ",".join(cube.measures)
    paths = list(cube.paths.items())
    # Each starts the program, so that the first and the last stand for all; random cubes have others.
    for (role, hierarchy), levels in (paths[0], paths[-1]):
        coarse, fine = levels[:2]
        ask = ("query", cube.name, "--rows", coarse, "--measures", measures, "--format", "csv")
        plain = records(starling.run(*ask))
        member = plain[1][-1][0]
        for drilled in (f"{coarse}@{hierarchy}", f"{coarse}@{hierarchy}={member}"):
            steps = ("--drill-down", drilled, "--roll-up", f"{fine}@{hierarchy}")
            back = records(starling.run(*ask, *steps))
            report.equal(f"{cube.name} {role} {drilled}: columns", back[0], plain[0])
            report.equal(f"{cube.name} {role} {drilled}: rows", len(back[1]), len(plain[1]))
            for ours, theirs in zip(back[1], plain[1]):
                same = ours[0] == theirs[0] and all(
                    left == right or near(number(left), number(right))
                    for left, right in zip(ours[1:], theirs[1:])
                )
                report.equal(f"{cube.name} {role} {drilled}: {theirs}", same, True)


def years_end_with_their_total(report, starling, cube):
    """The year to date at the end of a year is the year, whatever the measure."""
    measures = list(cube.measures)
    for role in cube.dates:
        for level, to_date in (("year", "ytd"), ("fiscal_year", "fytd")):
            key = f"{role}_{level}_key"
            sql = (
                f"SELECT {key}, {aggregates(measures)}, {aggregates(measures, f'_{to_date}')} "
                f"FROM cubes.{cube.name} WHERE {key} > 0 GROUP BY {key} ORDER BY {key}"
            )
            rows = starling.sql(sql)[1]
            report.equal(f"{cube.name} {key}: has years", bool(rows), True)
            for year, *values in rows:
                whole, at_end = values[: len(measures)], values[len(measures) :]
                for measure, left, right in zip(measures, whole, at_end):
                    same = left == right or near(number(left), number(right))
                    report.equal(f"{cube.name}: {measure} of {year} {left}, at its end {right}", same, True)


def shares_sum_to_one(report, starling, cube):
    """The shares of all children of a parent make one, and so do those of all members in all."""
    for path, levels in cube.paths.items():
        coarse, fine = f"{levels[-2]}_key", f"{levels[-1]}_key"
        measure = cube.sums()[0]
        sql = (
            f"SELECT {coarse}, {aggregates([measure])}, {aggregates([measure], '_share_of_parent')}, "
            f"{aggregates([measure], '_share_of_total')} FROM cubes.{cube.name} GROUP BY {coarse}, {fine}"
        )
        values, of_parent, of_total = defaultdict(list), defaultdict(list), []
        for parent, value, share, of_all in starling.sql(sql)[1]:
            values[parent].append(number(value))
            of_parent[parent].append(number(share))
            of_total.append(number(of_all))
        for parent, shares in of_parent.items():
            wanted = Decimal(1) if total(values[parent]) else None
            same = near(total(shares), wanted)
            report.equal(f"{cube.name} {path}: shares of {measure} in {parent} {total(shares)}", same, True)
        same = near(total(of_total), Decimal(1))
        report.equal(f"{cube.name} {path}: shares of {measure} in all {total(of_total)}", same, True)


def by_hand(kind, column, rows):
    """A measure over fact rows."""
    if column == "*":
        return Decimal(len(rows))
    texts = [row[column] for row in rows if row[column] != ""]
    if kind == "distinct":
        # Keys below 0 are no members.
        return Decimal(len({text for text in texts if not column.endswith("_key") or int(text) >= 0}))
    if kind == "count":
        return Decimal(len(texts))
    values = [Decimal(text) for text in texts]
    if not values:
        return None
    return {"sum": sum, "min": min, "max": max}[kind](values)


def drilled_through_rows_make_the_cell(report, starling, cube):
    """The fact rows behind a cell give its value, computed from them one by one."""
    plain = {
        name: found.groups()
        for name, row in cube.measures.items()
        if (found := PLAIN.fullmatch(row["formula"])) and row["additivity"] != "semi_additive"
    }
    roles = {role: levels for (role, _), levels in cube.paths.items()}
    first, second = list(roles.values())[0][0], list(roles.values())[-1][0]
    ask = ("query", cube.name, "--rows", f"{first},{second}", "--format", "csv")
    cells = records(starling.run(*ask, "--measures", ",".join(plain)))[1]
    step = max(1, len(cells) // CELLS_DRILLED_THROUGH)
    for cell in cells[::step][:CELLS_DRILLED_THROUGH]:
        slices = ("--slice", f"{first}={cell[0]}", "--slice", f"{second}={cell[1]}")
        names, rows = records(
            starling.run(*ask, "--measures", ",".join(plain), *slices, "--drill-through")
        )
        rows = [dict(zip(names, row)) for row in rows]
        for (measure, (kind, column)), shown in zip(plain.items(), cell[2:]):
            wanted = by_hand(kind, column, rows)
            same = near(number(shown), wanted)
            report.equal(f"{cube.name}: {measure} of {cell[:2]} is {shown}, its rows make {wanted}", same, True)


PROPERTIES = [
    children_sum_to_their_parent,
    drilling_down_and_rolling_up_is_the_identity,
    years_end_with_their_total,
    shares_sum_to_one,
    drilled_through_rows_make_the_cell,
]


def main():
    binary, project, work = sys.argv[1:4]
    work = Path(work)
    work.mkdir(parents=True, exist_ok=True)
    starling = Served(binary, project, work / "wh", work / "serve.log")
    report = Report()

    def look_at(job):
        holds, cube = job
        holds(report, starling, cube)

    try:
        # Cubes over cubes have no paths of which all their facts know every level.
        names = starling.rows("SELECT cube, fact FROM system.cubes ORDER BY cube")
        names = [row["cube"] for row in names if "," not in row["fact"]]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            cubes = [Cube(name, starling) for name in names]
            list(pool.map(look_at, [(holds, cube) for cube in cubes for holds in PROPERTIES]))
    finally:
        starling.close()
    report.equal("cubes", len(cubes) > 5, True)
    return report.finish(f"{len(PROPERTIES)} properties of {len(cubes)} cubes")


if __name__ == "__main__":
    sys.exit(main())
