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
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from random import Random

sys.dont_write_bytecode = True
import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import duckdb
import pyarrow as pa

from cube_link_questions import LinkQuestion
from cube_links import links_of
from cube_projects import write_project
from cube_properties import broken_properties
from cube_questions import Nested, Pivot, Question
from cube_selections import Selection
from cube_truth import Earlier, Truth
from random_composites import CompositeAsker, add_composites
from random_links import LinkAsker, add_links
from random_models import random_model
from random_past import random_past
from random_questions import Asker, CalculationAsker
from random_selections import add_sets, random_selection

AT_ONCE = 2
RELATIVE, ABSOLUTE = 1e-9, 1e-9
SHOWN = 12
# What can be left out, to look at the rest.
SWITCHES = ["calculations", "measures", "links", "composites", "past"]


class Served:
    """A random model, loaded and served, with its oracle."""

    def __init__(self, binary, name, folder, options):
        self.model = random_model(Random(name), options.measures)
        if options.links:
            add_links(Random(f"{name}.links"), self.model)
        if options.composites:
            add_composites(Random(f"{name}.composites"), self.model)
        self.command = [binary, "-C", str(folder)]
        self.past = None
        dice = Random(f"{name}.past")
        if options.past and dice.random() < 0.4:
            past = random_past(dice, self.model)
            self.past = Truth(past, self.load(past, folder))
            # A time between the two.
            self.before = datetime.now(timezone.utc).isoformat()
        write_project(self.model, folder)
        self.truth = Truth(self.model, folder)
        self.oracle = self.truth.database
        # How many were compared.
        self.rows = self.refusals = 0
        cubes = self.model.cubes
        self.askers = {cube.name: Asker(self.model, cube, self.oracle) for cube in cubes}
        self.calculations = {
            cube.name: CalculationAsker(self.model, cube, self.oracle) for cube in cubes
        }
        self.composites = {
            cube.name: CompositeAsker(self.model, cube, self.oracle)
            for cube in self.model.composites
        }
        self.links = {
            cube.name: LinkAsker(self.model, cube, self.oracle)
            for cube in cubes
            if links_of(self.model, cube)
        }
        add_sets(Random(f"{name}.sets"), self.model, self.askers)
        self.load(self.model, folder)
        self.serve(folder)

    def serve(self, folder):
        self.log = Path(folder) / "serve.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.server = subprocess.Popen(
                [*self.command, "serve", "--flight", "127.0.0.1:0"], stderr=log
            )
        self.connection = flight_sql.connect(self.address(), autocommit=True)

    def load(self, model, folder):
        write_project(model, folder)
        self.run("load", "--quiet")
        return folder

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
        if isinstance(question, Selection):
            return f"starling query --json - <<< '{question.json()}'"
        if isinstance(question, Earlier):
            return f"{self.ours(question.question)} {' '.join(question.options)}"
        askers = self.askers | self.composites
        askers = self.links if isinstance(question, LinkQuestion) else askers
        return question.sql(askers[self.cube(question)].known)

    def theirs(self, question):
        if isinstance(question, Earlier):
            return self.past.sql(question.question)
        return self.truth.sql(question)

    def answer(self, question):
        """Names of columns, and rows, of Starling."""
        if isinstance(question, Pivot):
            return self.told("query", *question.arguments())
        if isinstance(question, Selection):
            path = self.log.with_name("question.json")
            path.write_text(question.json(), encoding="utf-8")
            return self.told("query", "--json", str(path))
        if isinstance(question, Earlier):
            return self.told("sql", self.ours(question.question), *question.options)
        return self.ask(self.ours(question))

    def told(self, *arguments):
        """Names of columns, and rows, of the command line."""
        table = pa.ipc.open_stream(self.run(*arguments, "--format", "arrow")).read_all()
        return table.column_names, rows_of(table)

    def table(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    def ask(self, sql):
        """Names of columns, and rows."""
        table = self.table(sql)
        return table.column_names, rows_of(table)

    def logged(self):
        """What the server said last."""
        said = self.log.read_text(encoding="utf-8").strip().splitlines()
        return "\n".join(said[-4:])

    def wrong(self, question):
        """What is wrong with Starling's answer, or None."""
        truth, asked = self.truth, question
        if isinstance(question, Earlier):
            truth, asked = self.past, question.question
        refused = truth.refused(asked)
        try:
            names, want = (None, []) if refused else truth.expected(asked)
        except duckdb.Error as error:
            return f"the oracle fails: {error}"
        try:
            shown, got = self.answer(question)
        except (adbc_driver_manager.Error, RuntimeError) as error:
            told = f"Starling fails: {error}"
            if any(said in told for said in refused):
                self.refusals += 1
                return None
            return f"{told}\n{self.logged()}" if "the log of the server" in told else told
        if refused:
            return f"not refused, although: {', '.join(refused)}"
        if names is not None and names != shown:
            return f"columns: got {shown}, want {names}"
        self.rows += len(want)
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
        self.asked = self.rows = self.refusals = self.properties = 0
        self.failures = []

    def question(self, served, name):
        """The question of this name; some are asked of the epoch before."""
        dice = Random(name)
        question = self.question_now(served, dice)
        if served.past is None or not isinstance(question, Question) or dice.random() > 0.1:
            return question
        options = dice.choice([("--epoch", "1"), ("--as-of", served.before)])
        return Earlier(question, options)

    def question_now(self, served, dice):
        for kind in ("composites", "links"):
            askers = getattr(served, kind)
            wanted = self.options.only or (dice.random() < 0.15 and kind)
            if askers and wanted == kind:
                return askers[dice.choice(sorted(askers))].question(dice)
        cube = dice.choice(sorted(served.askers))
        if self.options.only == "selections" or dice.random() < 0.05:
            return random_selection(dice, served.askers[cube])
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
                self.refusals += served.refusals
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
            f" --no-{switch}" for switch in SWITCHES if not getattr(self.options, switch)
        )
        switches += f" --only {self.options.only}" if self.options.only else ""
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
    parser.add_argument("--only", choices=["composites", "links", "selections"])
    for switch in SWITCHES:
        parser.add_argument(f"--{switch}", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def main():
    options = arguments()
    Path(options.work).mkdir(parents=True, exist_ok=True)
    differential = Differential(options)
    started = time.monotonic()
    differential.run()
    seconds = time.monotonic() - started
    print(
        f"seed {options.seed}: {differential.asked} questions with {differential.rows} rows, "
        f"{differential.refusals} refusals and {differential.properties} properties in {seconds:.0f} s, "
        f"{len(differential.failures)} failures"
    )
    return 1 if differential.failures or not differential.rows else 0


if __name__ == "__main__":
    sys.exit(main())
