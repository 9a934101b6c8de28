"""Random cubes over random data: every answer must be that of DuckDB over the raw files.

Usage: differential_cubes.py BINARY WORKDIR [--queries N] [--seed SEED] [--replay ID] [...]

A model is made from `SEED.<model>` and a question from `SEED.<model>.<question>`, so one that fails is
asked again by its id alone. What fails is made smaller as long as it fails, and both queries are shown.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from random import Random

sys.dont_write_bytecode = True
import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import duckdb
import pyarrow as pa

from cube_calculations import calculation_sql, compares_weekdays, looks_beyond_cells
from cube_expansion import open_oracle, pivot, question_sql
from cube_projects import write_project
from cube_properties import broken_properties
from cube_questions import Listing, Nested, Pivot
from random_models import random_model
from random_questions import Asker, CalculationAsker

AT_ONCE = 2
RELATIVE, ABSOLUTE = 1e-9, 1e-9
SHOWN = 12


class Served:
    """A random model, loaded and served, with its oracle."""

    def __init__(self, binary, name, folder, options):
        self.model = random_model(Random(name), options.measures)
        write_project(self.model, folder)
        self.command = [binary, "-C", str(folder)]
        self.run("load", "--quiet")
        self.oracle = open_oracle(self.model, folder)
        # How many were compared.
        self.rows = 0
        cubes = self.model.cubes
        self.askers = {cube.name: Asker(self.model, cube, self.oracle) for cube in cubes}
        self.calculations = {
            cube.name: CalculationAsker(self.model, cube, self.oracle) for cube in cubes
        }
        self.log = Path(folder) / "serve.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.server = subprocess.Popen(
                [*self.command, "serve", "--flight", "127.0.0.1:0"], stderr=log
            )
        self.connection = flight_sql.connect(self.address(), autocommit=True)

    def run(self, *arguments):
        done = subprocess.run([*self.command, *arguments], capture_output=True, check=False)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").split("stack backtrace:")[0]
            raise RuntimeError(
                f"starling {' '.join(arguments)}: exit code {done.returncode}\n{said}"
            )
        return done.stdout

    def address(self):
        """Where it is served, once it says so."""
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and self.server.poll() is None:
            found = re.search(r"grpc://\S+?(?=;)", self.log.read_text(encoding="utf-8"))
            if found:
                return found.group()
            time.sleep(0.02)
        raise RuntimeError(f"not served: {self.log.read_text(encoding='utf-8')}")

    def close(self):
        self.connection.close()
        self.server.terminate()
        self.server.wait()

    def cube(self, question):
        while isinstance(question, Nested):
            question = question.parts[0]
        return question.cube

    def ours(self, question):
        """What is asked of Starling, as a person would write it."""
        if isinstance(question, Pivot):
            return "starling query " + " ".join(question.arguments())
        return question.sql(self.askers[self.cube(question)].known)

    def theirs(self, question):
        if isinstance(question, Pivot):
            return "(the cells of the pivot, from the flat table)"
        if isinstance(question, Nested):
            return question.text.format(*(self.theirs(part) for part in question.parts))
        if isinstance(question, Listing):
            return question.theirs
        beyond = looks_beyond_cells(self.model, question)
        return (calculation_sql if beyond else question_sql)(self.model, question)

    def answer(self, question):
        """Names of columns, and rows, of Starling."""
        if isinstance(question, Pivot):
            stream = self.run("query", *question.arguments(), "--format", "arrow")
            table = pa.ipc.open_stream(stream).read_all()
            return table.column_names, rows_of(table)
        return self.ask(self.ours(question))

    def table(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    def ask(self, sql):
        """Names of columns, and rows."""
        table = self.table(sql)
        return table.column_names, rows_of(table)

    def refused(self, question):
        """Whether the question must be refused."""
        if isinstance(question, Nested):
            return any(self.refused(part) for part in question.parts)
        if isinstance(question, (Pivot, Listing)):
            return False
        calculated = any(aggregate.calculation for aggregate in question.aggregates())
        return calculated and compares_weekdays(self.model, question)

    def logged(self):
        """What the server said last."""
        said = self.log.read_text(encoding="utf-8").strip().splitlines()
        return "\n".join(said[-4:])

    def expected(self, question):
        if isinstance(question, Pivot):
            return pivot(self.model, self.oracle, question)
        cursor = self.oracle.execute(self.theirs(question))
        return None, cursor.fetchall()

    def wrong(self, question):
        """What is wrong with Starling's answer, or None."""
        try:
            names, want = self.expected(question)
        except duckdb.Error as error:
            return f"the oracle fails: {error}"
        try:
            shown, got = self.answer(question)
        except (adbc_driver_manager.Error, RuntimeError) as error:
            told = f"Starling fails: {error}"
            if "other weekdays" in told and self.refused(question):
                return None
            return f"{told}\n{self.logged()}" if "the log of the server" in told else told
        if names is not None and names != shown:
            return f"columns: got {shown}, want {names}"
        self.rows += len(want)
        if self.refused(question):
            return "weekdays are compared with other weekdays, and that is not refused"
        return difference(got, want, isinstance(question, Pivot) or question.ordered())


def rows_of(table):
    columns = [column.to_pylist() for column in table.columns]
    return list(zip(*columns)) if columns else []


def same(got, want):
    if got is None or want is None:
        return got is None and want is None
    if isinstance(got, bool) or isinstance(want, bool):
        return got is want
    if isinstance(got, float) and isinstance(want, float):
        return abs(got - want) <= max(ABSOLUTE, RELATIVE * max(abs(got), abs(want)))
    exact = (int, Decimal)
    if isinstance(got, exact) and isinstance(want, exact):
        return got == want
    return type(got) is type(want) and got == want


def sort_key(row):
    """Exact values decide; doubles only as far as both engines surely agree."""
    key = []
    for value in row:
        if isinstance(value, float):
            key.append(("", f"{value:.6e}"))
        elif isinstance(value, (int, Decimal)):
            key.append(("number", f"{Decimal(value):+060.10f}"))
        else:
            key.append((type(value).__name__, str(value)))
    exact = [part for part in key if part[0]]
    return exact, key


def difference(got, want, in_order):
    if not in_order:
        got, want = sorted(got, key=sort_key), sorted(want, key=sort_key)
    lines = []
    if len(got) != len(want):
        lines.append(f"{len(got)} rows instead of {len(want)}")
        only = [row for row in got if not any(near(row, other) for other in want)]
        absent = [row for row in want if not any(near(row, other) for other in got)]
        lines += [f"  only in Starling: {row}" for row in only[:SHOWN]]
        lines += [f"  only in the oracle: {row}" for row in absent[:SHOWN]]
        return "\n".join(lines)
    wrong = [(ours, theirs) for ours, theirs in zip(got, want) if not near(ours, theirs)]
    if not wrong:
        return None
    lines.append(f"{len(wrong)} of {len(want)} rows differ")
    for ours, theirs in wrong[:SHOWN]:
        lines += [f"  got  {tuple(ours)}", f"  want {tuple(theirs)}"]
    return "\n".join(lines)


def near(ours, theirs):
    return len(ours) == len(theirs) and all(map(same, ours, theirs))


class Failure:
    def __init__(self, name, question, told):
        self.name, self.question, self.told = name, question, told


def kind_of(told):
    """What kind of wrong: answers that differ, or a failure by its words without names."""
    first = told.splitlines()[0]
    return re.sub(r"[`\"'(].*", "", first) if " fails: " in first else "differ"


def shrunk(served, question, told):
    """The smallest question found that is wrong too."""
    kind = kind_of(told)
    for _ in range(40):
        for smaller in question.smaller():
            found = served.wrong(smaller)
            if found is not None and kind_of(found) == kind:
                question, told = smaller, found
                break
        else:
            break
    return question, told


class Differential:
    def __init__(self, options):
        self.options = options
        self.asked = self.rows = self.properties = 0
        self.failures = []

    def question(self, served, name):
        dice = Random(name)
        cube = dice.choice(sorted(served.askers))
        if dice.random() < 0.03:
            return served.askers[cube].pivot(dice)
        calculated = self.options.calculations and dice.random() < 0.4
        return (served.calculations if calculated else served.askers)[cube].question(dice)

    def model(self, number, questions):
        name = f"{self.options.seed}.{number}"
        if len(self.failures) >= self.options.stop_after:
            return
        with tempfile.TemporaryDirectory(dir=self.options.work) as folder:
            try:
                served = Served(self.options.binary, name, folder, self.options)
            except (RuntimeError, duckdb.Error) as error:
                self.report(name, f"the model cannot be asked: {error}")
                return
            try:
                self.questions(served, name, questions)
            finally:
                self.rows += served.rows
                served.close()

    def questions(self, served, name, questions):
        for number in questions:
            question = self.question(served, f"{name}.{number}")
            if self.options.verbose:
                print(
                    f"-- {name}.{number}\n{served.ours(question)}\n--\n{served.theirs(question)}\n"
                )
            told = served.wrong(question)
            self.asked += 1
            if told is not None:
                plain, told = shrunk(served, question, told)
                self.report(
                    f"{name}.{number}",
                    f"{told}\n-- Starling\n{served.ours(plain)}\n-- DuckDB\n{served.theirs(plain)}\n"
                    f"-- as it was asked first\n{served.ours(question)}",
                )
                if len(self.failures) >= self.options.stop_after:
                    return
        if self.options.replay is None or not questions:
            self.properties_of(served, name)

    def properties_of(self, served, name):
        try:
            checked, broken = broken_properties(served, Random(name), self.options.calculations)
        except adbc_driver_manager.Error as error:
            checked, broken = 0, [f"Starling fails: {error}"]
        self.properties += checked
        for told in broken:
            self.report(f"{name}.properties", told)

    def report(self, name, told):
        switches = "".join(
            f" --no-{switch}"
            for switch in ("calculations", "measures")
            if not getattr(self.options, switch)
        )
        replay = f"python {sys.argv[0]} BINARY WORKDIR --replay {name}{switches}"
        self.failures.append(name)
        print(f"== {name}: {told}\n-- again with\n{replay}\n", flush=True)

    def run(self):
        options = self.options
        if options.replay is not None:
            options.seed, model, *question = options.replay.split(".")
            options.verbose = bool(question)
            questions = range(options.per_model)
            if question:
                questions = [] if question == ["properties"] else [int(question[0])]
            self.model(int(model), questions)
        else:
            whole, rest = divmod(options.queries, options.per_model)
            counts = [options.per_model] * whole + ([rest] if rest else [])
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(self.model, range(len(counts)), map(range, counts)))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--per-model", type=int, default=50)
    parser.add_argument("--seed", default="starling")
    parser.add_argument("--replay")
    parser.add_argument("--stop-after", type=int, default=10)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--calculations", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--measures", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def main():
    options = arguments()
    Path(options.work).mkdir(parents=True, exist_ok=True)
    differential = Differential(options)
    started = time.monotonic()
    differential.run()
    seconds = time.monotonic() - started
    print(
        f"seed {options.seed}: {differential.asked} questions with {differential.rows} rows and "
        f"{differential.properties} properties in {seconds:.0f} s, {len(differential.failures)} failures"
    )
    return 1 if differential.failures or not differential.rows else 0


if __name__ == "__main__":
    sys.exit(main())
