"""Asks the demo project's cubes, and DuckDB over the same files, and compares the answers.

Usage: golden_cubes.py BINARY PROJECT WORKDIR [WAREHOUSE]
With a warehouse that is loaded already, nothing is loaded.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, InvalidOperation
from pathlib import Path

sys.dont_write_bytecode = True
import duckdb
import pyarrow as pa
from starling_demo import Fixtures, Report, Starling

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
AT_ONCE = 3
RELATIVE = 1e-9
SHOWN_PER_QUESTION = 3


def questions(path):
    """Name, whether order counts, SQL for Starling, SQL for DuckDB."""
    found, name, parts = [], None, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("== "):
            name, parts = line[3:], [[]]
            found.append((name, number, parts))
        elif name is None:
            if line and not line.startswith("#"):
                raise ValueError(f"{path.name}:{number}: not in a question")
        elif line == "--":
            parts.append([])
        else:
            parts[-1].append(line)
    result = []
    for name, number, parts in found:
        if len(parts) != 2:
            raise ValueError(f"{path.name}:{number}: `{name}` needs two queries")
        ordered = name.endswith(" [ordered]")
        ours, oracle = ("\n".join(part).strip() for part in parts)
        result.append((name.removesuffix(" [ordered]"), ordered, ours, oracle))
    names = [question[0] for question in result]
    if len(set(names)) != len(names):
        raise ValueError("two questions have one name")
    return result


def text_table(rows, columns):
    texts = [[None if value is None else str(value) for value in row] for row in rows]
    arrays = [pa.array([row[index] for row in texts], pa.string()) for index in range(len(columns))]
    return pa.table(arrays, names=columns)


def oracle(fixtures):
    """DuckDB with the views; SQLite only hands the rows of the CRM over."""
    database = duckdb.connect()
    crm = fixtures.crm()
    names = crm.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in names:
        cursor = crm.execute(f'SELECT * FROM "{name}"')
        columns = [column[0] for column in cursor.description]
        database.register(f"crm_{name}", text_table(cursor.fetchall(), columns))
    columns = ["survey_id", "account_id", "channel", "submitted_at", "overall", "speed", "quality"]
    answers = []
    for answer in fixtures.survey():
        flat = {**answer, **answer["score"]}
        answers.append([flat.get(column) for column in columns])
    database.register("raw_survey", text_table(answers, columns))
    script = (GOLDEN / "views.sql").read_text(encoding="utf-8")
    database.execute(script.replace("$FIXTURES", fixtures.folder.as_posix().replace("'", "''")))
    return database


def is_number(value):
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def number(text):
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def same(got, want):
    """Whether the text of an answer is the oracle's value: doubles nearly, all else exactly."""
    if want is None:
        return got == ""
    if isinstance(want, float):
        value = number(got)
        if value is None:
            return False
        return abs(float(value) - want) <= RELATIVE * max(abs(want), abs(float(value)))
    if is_number(want):
        return number(got) == Decimal(want)
    return got == str(want)


def sort_key(row, numeric):
    """Groups come first in a row and are texts; what follows only breaks ties."""
    key = []
    for index, value in enumerate(row):
        if value is None or value == "":
            key.append((0, 0.0, ""))
        elif index in numeric:
            key.append((1, round(float(value), 4), ""))
        else:
            key.append((2, 0.0, str(value)))
    return key


def compare(report, name, ordered, got, want):
    report.equal(f"{name}: rows", len(got), len(want))
    if len(got) != len(want):
        return
    if not ordered:
        width = len(want[0]) if want else 0
        numeric = {i for i in range(width) if any(is_number(row[i]) for row in want)}
        got = sorted(got, key=lambda row: sort_key(row, numeric))
        want = sorted(want, key=lambda row: sort_key(row, numeric))
    failed = 0
    for ours, theirs in zip(got, want):
        report.equal(f"{name}: columns", len(ours), len(theirs))
        for index, (left, right) in enumerate(zip(ours, theirs)):
            report.compared += 1
            if not same(left, right):
                failed += 1
                if failed <= SHOWN_PER_QUESTION:
                    place = f"column {index + 1} of {ours}"
                    report.fail(f"{name}: {place}: got {left!r}, want {right!r}")
                else:
                    report.wrong += 1


def main():
    binary, project, work = sys.argv[1:4]
    Path(work).mkdir(parents=True, exist_ok=True)
    given = sys.argv[4] if len(sys.argv) > 4 else None
    starling = Starling(binary, project, given or Path(work) / "wh")
    if given is None:
        print(starling.load(), end="")
    database = oracle(Fixtures(Path(project) / "fixtures"))
    asked = [question for path in sorted(GOLDEN.glob("*.txt")) for question in questions(path)]
    report = Report()

    def answer(question):
        try:
            ask = starling.query if question[2].startswith("{") else starling.sql
            return ask(question[2])[1]
        except (RuntimeError, IndexError) as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for (name, ordered, _, oracle_sql), got in zip(asked, pool.map(answer, asked)):
            if isinstance(got, Exception):
                report.fail(f"{name}: {got}")
                continue
            try:
                want = database.execute(oracle_sql).fetchall()
            except duckdb.Error as error:
                report.fail(f"{name}: the oracle fails: {error}")
                continue
            compare(report, name, ordered, got, want)
    return report.finish(f"{len(asked)} golden queries")


if __name__ == "__main__":
    sys.exit(main())
