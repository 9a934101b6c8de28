"""The program under test, as a Python function."""

import csv
import io
import subprocess
import sys


class Starling:
    """Runs the binary on one project and warehouse."""

    def __init__(self, binary, project, warehouse, environment=None):
        self.command = [binary, "-C", project, "--warehouse", warehouse]
        self.environment = environment

    def run(self, *arguments):
        done = subprocess.run(
            [*self.command, *arguments], capture_output=True, text=True, env=self.environment
        )
        if done.returncode != 0:
            sys.exit(f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return done

    def sql(self, query):
        """Rows as lists of texts; NULL is the empty text."""
        out = self.run("sql", query, "--format", "csv").stdout
        return list(csv.reader(io.StringIO(out)))[1:]


class Checks:
    """Counts what was compared, and says every difference."""

    def __init__(self):
        self.done = 0
        self.wrong = []

    def equal(self, what, found, expected):
        self.done += 1
        if found != expected:
            self.wrong.append(f"{what}\n  found    {found}\n  expected {expected}")

    def finish(self):
        for difference in self.wrong:
            print(difference)
        print(f"{self.done} compared, {len(self.wrong)} differ")
        sys.exit(1 if self.wrong or not self.done else 0)
