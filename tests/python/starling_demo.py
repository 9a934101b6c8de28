"""What the tests of the demo project share: running the binary, reading answers and fixtures."""

import csv
import io
import json
import sqlite3
import subprocess
import unicodedata
from pathlib import Path


class Starling:
    """The binary on one project and one warehouse."""

    def __init__(self, binary, project, warehouse):
        self.command = [binary, "-C", str(project), "--warehouse", str(warehouse)]

    def run(self, *arguments, given=None):
        command = self.command + list(arguments)
        done = subprocess.run(command, input=given, capture_output=True, check=False)
        if done.returncode != 0:
            error = done.stderr.decode("utf-8", "replace")
            raise RuntimeError(f"{' '.join(arguments)}: exit code {done.returncode}\n{error}")
        return done.stdout.decode("utf-8")

    def load(self):
        return self.run("load")

    def sql(self, query):
        """The answer's column names and rows; every value is a text, NULL and '' are both ''."""
        return records(self.run("sql", query, "--format", "csv"))

    def query(self, question):
        """The answer to a cube query in JSON, as `sql` gives it."""
        given = question.encode("utf-8")
        return records(self.run("query", "--json", "-", "--format", "csv", given=given))

    def rows(self, query):
        names, rows = self.sql(query)
        return [dict(zip(names, row)) for row in rows]


def records(text):
    """The header and the rows of CSV."""
    found = list(csv.reader(io.StringIO(text)))
    return (found[0], found[1:]) if found else ([], [])


class Fixtures:
    """The source files as they are written, rows in order."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def csv_table(self, name):
        """Rows and, for each, the line of the file on which it begins."""
        rows, lines = [], []
        path = self.folder / "erp" / f"{name}.csv"
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.reader(file, delimiter=";" if name == "payment" else ",")
            header = next(reader)
            line = reader.line_num + 1
            for record in reader:
                rows.append(dict(zip(header, record)))
                lines.append(line)
                line = reader.line_num + 1
        return rows, lines

    def crm(self):
        """The CRM as an open database."""
        database = sqlite3.connect(":memory:")
        database.executescript((self.folder / "crm.sql").read_text(encoding="utf-8"))
        return database

    def survey(self):
        text = (self.folder / "crm" / "survey.ndjson").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def truth(self, name):
        path = self.folder / "truth" / f"{name}.csv"
        with open(path, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def totals(self):
        return json.loads((self.folder / "truth" / "totals.json").read_text(encoding="utf-8"))


def plain(text):
    """Trimmed, in Unicode form NFKC."""
    return unicodedata.normalize("NFKC", text).strip()


class Report:
    """Counts what was compared and prints what differs."""

    def __init__(self):
        self.compared = 0
        self.wrong = 0
        self.shown = 0

    def equal(self, what, got, want):
        self.compared += 1
        if got != want:
            self.fail(f"{what}: got {got!r}, want {want!r}")

    def fail(self, message):
        self.wrong += 1
        self.shown += 1
        if self.shown <= 60:
            print(message)

    def finish(self, title):
        print(f"{title}: {self.compared} comparisons, {self.wrong} differ")
        return 1 if self.wrong else 0
