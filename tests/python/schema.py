"""Validates documents with an implementation of JSON Schema that is not ours.

Usage: schema.py SCHEMAS CASES
SCHEMAS is a folder of schemas; CASES a file of JSON: [{"name", "kind", "document"}].
Prints {name: [what is wrong]} for those that are not valid.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from jsonschema import Draft7Validator


def validators(folder):
    found = {}
    for path in sorted(Path(folder).glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft7Validator.check_schema(schema)
        found[path.stem] = Draft7Validator(schema)
    return found


def main():
    schemas, cases = sys.argv[1:3]
    by_kind = validators(schemas)
    wrong = {}
    for case in json.loads(Path(cases).read_text(encoding="utf-8")):
        errors = by_kind[case["kind"]].iter_errors(case["document"])
        texts = [f"{error.json_path}: {error.message}" for error in errors]
        if texts:
            wrong[case["name"]] = texts
    print(json.dumps(wrong))


if __name__ == "__main__":
    main()
