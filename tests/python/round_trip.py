"""Random rows over every type of a database server, inserted, loaded, and compared with what the server
itself says it holds: each value is loaded as it is, or its row is in quarantine for a reason that the
documentation states.

usage: round_trip.py BINARY KIND URL WORKDIR SEED ROWS CLIENT...   (CLIENT reads a script of SQL from stdin)
"""

import datetime
import decimal
import json
import os
import random
import struct
import subprocess
import sys
import zoneinfo

binary, kind, url, work, seed, rows = sys.argv[1:7]
client, rows = sys.argv[7:], int(rows)
rng = random.Random(f"{kind}.{seed}")
ZONE = zoneinfo.ZoneInfo("Asia/Shanghai")
ASIDE = object()


def sql(script):
    done = subprocess.run(client, input=script.encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    return done.stdout.decode()


def starling(*arguments):
    done = subprocess.run([binary, "-C", work, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- values -----------------------------------------------------------------------------------------

WORDS = ["", " ", "a", "naïve", "客户", "NULL", "null", "\\N", "'", '"', "a,b;c", "tab\there", "line\nbreak", "😀", "  pad  ",
         "0", "007", "-", "N/A", "\\", "x" * 300, "%s", "{}", "${env:HOME}"]
LATIN = ["", "a", "naïve", "Zoë", "NULL", "'", "£", "ÿ", "  x"]


def quote(text):
    if kind == "mysql":
        return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + text.replace("'", "''") + "'"


def digits(count):
    return "".join(rng.choice("0123456789") for _ in range(count)) or "0"


def number(whole, fraction):
    """A decimal with at most so many digits before and behind the point."""
    text = digits(rng.randint(0, whole))
    if fraction and rng.random() < 0.7:
        text += "." + digits(rng.randint(1, fraction))
    return rng.choice(["", "-"]) + text


def integer(bits, signed=True):
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return str(rng.choice([low, high, 0, 1, rng.randint(low, high), rng.randint(max(low, -9), 9)]))


def double():
    return rng.choice([0.0, -0.0, 0.1, 1e300, -1e-300, 2.0 ** 53 + 1, rng.uniform(-1e6, 1e6), rng.gauss(0, 1) * 10.0 ** rng.randint(-20, 20)])


def single():
    return struct.unpack("f", struct.pack("f", rng.choice([0.0, 0.1, 1e30, -1e-30, rng.uniform(-1e6, 1e6), 16777217.0])))[0]


def day():
    return rng.choice(["2024-02-29", "1970-01-01", "0001-01-01", "9999-12-31", "1899-12-31",
                       f"{rng.randint(1, 9999):04}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"])


def clock():
    return rng.choice(["00:00:00", "23:59:59.999999", f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
                       + rng.choice(["", f".{digits(rng.randint(1, 6))}"])])


def blob():
    return bytes(rng.randrange(256) for _ in range(rng.randint(0, 20)))


def document():
    def value(depth):
        kinds = [None, True, 1, -2.5, "x", "客", 12345678901234567]
        if depth and rng.random() < 0.5:
            return rng.choice([{f"k{n}": value(depth - 1) for n in range(rng.randint(0, 3))}, [value(depth - 1) for _ in range(rng.randint(0, 3))]])
        return rng.choice(kinds)
    return json.dumps(value(2), ensure_ascii=False)


# --- what the server says, and what must come of it -----------------------------------------------------

def as_text(text):
    return text


def as_int(text):
    return int(text)


def as_float(text):
    value = float(text)
    return value if value == value and abs(value) != float("inf") else ASIDE


def as_single(text):
    value = as_float(text)
    return value if value is ASIDE else struct.unpack("f", struct.pack("f", value))[0]


def as_decimal(precision, scale):
    def read(text):
        value = decimal.Decimal(text)
        if not value.is_finite():
            return ASIDE
        with decimal.localcontext(prec=200):
            scaled = value.scaleb(scale)
            return value if scaled == scaled.to_integral_value() and abs(scaled) < 10 ** precision else ASIDE
    return read


def as_bool(text):
    return text == "t"


def as_day(text):
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return ASIDE


def as_moment(text):
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return ASIDE


def as_instant(text):
    """A moment in UTC, on the project's clock."""
    at = as_moment(text.removesuffix("+00"))
    if at is ASIDE:
        return ASIDE
    # Beyond what Python's calendar holds after the shift, the arithmetic is done by hand.
    try:
        return at.replace(tzinfo=datetime.timezone.utc).astimezone(ZONE).replace(tzinfo=None)
    except OverflowError:
        return None


def as_point(text):
    return [float(number) for number in text.removeprefix("POINT(").removesuffix(")").split()]


def as_structure(text):
    return json.loads(text)


POSTGRES = [
    # type, literal, how the server is asked, what must come of it
    ("smallint", lambda: integer(16), "{}::text", as_int),
    ("integer", lambda: integer(32), "{}::text", as_int),
    ("bigint", lambda: integer(64), "{}::text", as_int),
    ("numeric(12,2)", lambda: quote(rng.choice([number(10, 2), "NaN"] if rng.random() < 0.1 else [number(10, 2)])), "{}::text", as_decimal(12, 2)),
    ("numeric(38,10)", lambda: quote(number(28, 10)), "{}::text", as_decimal(38, 10)),
    ("numeric(50,5)", lambda: quote(number(rng.choice([10, 45]), 5)), "{}::text", as_decimal(38, 10)),
    ("numeric", lambda: quote(rng.choice([number(20, 9), number(20, 9), number(20, 9), number(35, 14), "NaN", "Infinity"]) if rng.random() < 0.2 else number(15, 6)), "{}::text", as_decimal(38, 10)),
    ("money", lambda: quote(number(12, 2)), "{}::numeric::text", as_decimal(20, 4)),
    ("real", lambda: quote(rng.choice(["NaN", "Infinity"]) if rng.random() < 0.05 else repr(single())), "{}::text", as_single),
    ("double precision", lambda: quote(rng.choice(["NaN", "-Infinity"]) if rng.random() < 0.05 else repr(double())), "{}::text", as_float),
    ("boolean", lambda: rng.choice(["true", "false"]), "{}::text::char", as_bool),
    ("text", lambda: quote(rng.choice(WORDS)), "{}::text", as_text),
    ("varchar(400)", lambda: quote(rng.choice(WORDS)), "{}::text", as_text),
    ("char(10)", lambda: quote(rng.choice(["", "a", "ab ", "客户", " x"])), "rtrim({}::text)", as_text),
    ("name", lambda: quote(rng.choice(["a", "b c"])), "{}::text", as_text),
    ("json", lambda: quote(document()), "{}::text", as_text),
    ("jsonb", lambda: quote(document()), "{}::text", as_text),
    ("uuid", lambda: quote("%032x" % rng.getrandbits(128)), "{}::text", as_text),
    ("date", lambda: quote(rng.choice(["infinity", "-infinity", "0044-03-15 BC", "12345-01-01"]) if rng.random() < 0.05 else day()), "{}::text", as_day),
    ("timestamp", lambda: quote(rng.choice(["infinity", "0001-01-01 BC", "10000-01-01"]) if rng.random() < 0.05 else f"{day()} {clock()}"), "{}::text", as_moment),
    ("timestamptz", lambda: quote(f"{rng.choice(['2024-02-29', '1970-01-01', '1990-06-01', '1937-07-07', '2100-01-01'])} {clock()}{rng.choice(['+00', '+09', '-03:30'])}"), "{}::text", as_instant),
    ("bytea", lambda: quote("\\x" + blob().hex()), "{}::text", as_text),
    ("text[]", lambda: "ARRAY[" + ",".join(quote(rng.choice(WORDS)) for _ in range(rng.randint(0, 3))) + "]::text[]", "to_json({})::text", as_structure),
    ("int[][]", lambda: rng.choice(["'{{1,2},{3,NULL}}'", "'{}'", "'{7}'"]), "to_json({})::text", as_structure),
    ("numeric[]", lambda: rng.choice(["'{1.10,NaN}'", "'{0.1234567890123456789}'"]), "to_json({})::text", as_text),
    ("pair", lambda: f"ROW({integer(32)}, {quote(rng.choice(WORDS))})::pair", "to_json({})::text", as_structure),
    ("mood", lambda: rng.choice(["'sad'", "'ok'", "'so, so'"]), "{}::text", as_text),
    ("cents", lambda: quote(number(8, 2).lstrip("-")), "{}::text", as_decimal(10, 2)),
    ("int4range", lambda: rng.choice(["'[1,5)'", "'empty'", "'(,7]'"]), "{}::text", as_text),
    ("tstzmultirange", lambda: rng.choice(["'{}'", "'{[2024-01-01,2024-02-01)}'"]), "{}::text", as_text),
    ("interval", lambda: quote(rng.choice(["1 day 02:03:04.5", "-1 year 2 months", "0", "300 hours"])), "{}::text", as_text),
    ("time", lambda: quote(clock()), "{}::text", as_text),
    ("timetz", lambda: quote(clock() + "+05:30"), "{}::text", as_text),
    ("inet", lambda: rng.choice(["'10.0.0.1/8'", "'::1'"]), "{}::text", as_text),
    ("macaddr", lambda: "'08:00:2b:01:02:03'", "{}::text", as_text),
    ("bit(5)", lambda: "B'" + "".join(rng.choice("01") for _ in range(5)) + "'", "{}::text", as_text),
    ("varbit", lambda: "B'" + "".join(rng.choice("01") for _ in range(rng.randint(0, 9))) + "'", "{}::text", as_text),
    ("point", lambda: f"'({double()},{single()})'", "{}::text", as_text),
    ("polygon", lambda: "'((0,0),(1.5,0),(1,1))'", "{}::text", as_text),
    ("tsvector", lambda: "'a fat cat'", "{}::text", as_text),
    ("xml", lambda: "'<a b=\"1\">é</a>'", "{}::text", as_text),
    ("oid", lambda: integer(32, signed=False), "{}::text", as_int),
]

MYSQL = [
    ("tinyint", lambda: integer(8), as_int),
    ("smallint unsigned", lambda: integer(16, False), as_int),
    ("mediumint", lambda: integer(24), as_int),
    ("int unsigned", lambda: integer(32, False), as_int),
    ("bigint", lambda: integer(64), as_int),
    ("bigint unsigned", lambda: integer(64, False), as_decimal(20, 0)),
    ("decimal(21,9)", lambda: number(12, 9), as_decimal(21, 9)),
    ("decimal(38,38)", lambda: "0." + digits(38), as_decimal(38, 38)),
    ("decimal(60,10)", lambda: number(rng.choice([20, 50]), 10), as_decimal(38, 10)),
    ("float", lambda: f"{single():.9e}", None),
    ("double", lambda: f"{double():.17e}", None),
    ("double(24,8)", lambda: f"{rng.uniform(-1e6, 1e6):.8f}", None),
    ("bit(1)", lambda: rng.choice("01"), None),
    ("bit(63)", lambda: integer(63, False), None),
    ("bit(64)", lambda: integer(64, False), None),
    ("varchar(400)", lambda: quote(rng.choice(WORDS)), as_text),
    ("varchar(40) CHARACTER SET latin1", lambda: quote(rng.choice(LATIN)), as_text),
    ("varchar(40) CHARACTER SET gbk", lambda: quote(rng.choice(["", "客户", "a"])), as_text),
    ("char(10)", lambda: quote(rng.choice(["", "a", "ab ", "客户"])), as_text),
    ("mediumtext", lambda: quote(rng.choice(WORDS)), as_text),
    ("json", lambda: quote(document()), as_text),
    ("enum('sad','ok','so, so')", lambda: rng.choice(["'sad'", "'ok'", "'so, so'"]), as_text),
    ("set('a','b','c')", lambda: rng.choice(["''", "'a'", "'a,c'"]), as_text),
    ("varbinary(40)", lambda: "x'" + blob().hex() + "'", None),
    ("blob", lambda: "x'" + blob().hex() + "'", None),
    ("date", lambda: quote(rng.choice(["0000-00-00", "2024-00-00", "2024-02-00"]) if rng.random() < 0.05 else day()), as_day),
    ("datetime(6)", lambda: quote("0000-00-00 00:00:00" if rng.random() < 0.05 else f"{day()} {clock()}"), as_moment),
    ("datetime", lambda: quote(f"{day()} 12:30:59"), as_moment),
    ("timestamp(6) NULL", lambda: quote(f"{rng.choice(['2024-02-29', '1970-01-02', '1990-06-01', '2037-12-31'])} {clock()}"), as_instant),
    ("time(6)", lambda: quote(rng.choice(["838:59:59", "-838:59:59", "-00:00:01", "00:00:00.000001", clock()])), None),
    ("year", lambda: rng.choice(["0", "1901", "2155", "2024"]), as_int),
    ("decimal(10,2) ZEROFILL", lambda: f"{rng.uniform(0, 9999):.2f}", as_decimal(10, 2)),
    ("point", lambda: f"ST_GeomFromText('POINT({double():.17e} {single():.9e})')", None),
    ("uuid", lambda: quote("%08x-0000-4000-8000-%012x" % (rng.getrandbits(32), rng.getrandbits(48))), as_text),
    ("inet6", lambda: rng.choice(["'::1'", "'2001:db8::ff00:42:8329'"]), as_text),
]


def literal_value(native, literal):
    """What a literal of MariaDB means, where its own text says less than the value."""
    if native.startswith("float"):
        return as_single(literal)
    if native.startswith("double"):
        return as_float(literal)
    if native.startswith("bit"):
        return decimal.Decimal(literal) if native == "bit(64)" else int(literal)
    if native == "point":
        return as_point(literal.split("'")[1])
    if literal.startswith("x'"):
        return "\\x" + literal[2:-1]
    return literal


def time_text(literal):
    """`[-]h:m:s[.f]` with six digits behind the point, or none."""
    text = literal.strip("'")
    whole, _, fraction = text.partition(".")
    fraction = fraction.ljust(6, "0")
    return whole if int(fraction or 0) == 0 else f"{whole}.{fraction}"


types = POSTGRES if kind == "postgres" else MYSQL
columns = [f"c{n}" for n in range(len(types))]


def make():
    declared = ", ".join(f"{column} {entry[0]}" for column, entry in zip(columns, types))
    values = []
    for number_ in range(rows):
        row = [entry[1]() if rng.random() < 0.85 else "NULL" for entry in types]
        values.append((number_, row))
    script = []
    if kind == "postgres":
        script.append("CREATE TYPE mood AS ENUM ('sad', 'ok', 'so, so'); CREATE TYPE pair AS (a int, b text); "
                      "CREATE DOMAIN cents AS numeric(10,2) CHECK (VALUE >= 0);")
    else:
        script.append("SET sql_mode = ''; SET time_zone = '+00:00';")
    script.append(f"CREATE TABLE every_type (id int PRIMARY KEY, {declared});")
    for number_, row in values:
        script.append(f"INSERT INTO every_type VALUES ({number_}, {', '.join(row)});")
    sql("\n".join(script))
    return dict(values)


def printed(column, native):
    """A column as it can be cast to a text."""
    return f"ST_AsText({column})" if native == "point" else column


def server_says():
    """Each column of each row as the server prints it; `None` is NULL."""
    held = {}
    if kind == "postgres":
        asked = ", ".join(f"encode(convert_to({entry[2].format(column)}, 'UTF8'), 'hex')" for column, entry in zip(columns, types))
        setup = "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601'; SET bytea_output = 'hex';"
        out = sql(f"{setup} COPY (SELECT id, {asked} FROM every_type) TO STDOUT;")
        null = "\\N"
    else:
        asked = ", ".join(f"HEX(CONVERT(CAST({printed(column, entry[0])} AS CHAR) USING utf8mb4))" for column, entry in zip(columns, types))
        out = sql(f"SET time_zone = '+00:00'; SELECT id, {asked} FROM every_type;")
        null = "NULL"
    for line in out.splitlines():
        number_, *cells = line.split("\t")
        held[int(number_)] = [None if cell == null else bytes.fromhex(cell).decode() for cell in cells]
    assert len(held) == rows
    return held


def expected(literals, held):
    want = {}
    for number_, cells in held.items():
        row = []
        for entry, literal, cell in zip(types, literals[number_], cells):
            native, read = entry[0], entry[-1]
            if cell is None:
                row.append(None)
            elif read is not None:
                row.append(read(cell))
            elif native.startswith("time("):
                row.append(time_text(literal))
            else:
                row.append(literal_value(native, literal))
        want[number_] = row
    return want


def project():
    os.makedirs(f"{work}/etl", exist_ok=True)
    write = lambda name, text: open(os.path.join(work, name), "w").write(text)
    write("starling.yaml", "version: 1\nname: round trip\nwarehouse: wh\ntime_zone: Asia/Shanghai\n")
    write("url", url)
    write("etl/sources.yaml", f'version: 1\nsources:\n  db:\n    {kind}: {{url: "${{file:url}}"}}\n    tables:\n      every_type: {{key: [id]}}\n')
    listed = "".join(f"      {column}: {column}\n" for column in columns)
    write("etl/fact.yaml", f"version: 1\nfact: every_type\ngrain: [id]\nfrom:\n  - table: db.every_type\n    columns:\n      id: id\n{listed}")


def loaded():
    """Rows as they are in the warehouse, as Python values."""
    import pyarrow.ipc
    out = subprocess.run([binary, "-C", work, "sql", "SELECT * FROM warehouse.every_type", "--format", "arrow"], capture_output=True)
    assert out.returncode == 0, out.stderr.decode()
    table = pyarrow.ipc.open_stream(out.stdout).read_all()
    return {row["id"]: [row[column] for column in columns] for row in table.to_pylist()}


def same(want, got, read):
    if want is None or got is None:
        return want is None and got is None
    if read is as_structure:
        return want == json.loads(got)
    if isinstance(want, list):
        # The sign of a zero is nothing to a place.
        return want == as_point(got)
    if isinstance(want, float):
        return struct.pack("d", want) == struct.pack("d", got)
    return want == got and isinstance(got, type(want))


literals = make()
want = expected(literals, server_says())
project()
starling("load", "--quiet")
got = loaded()
aside = json.loads(starling("sql", "SELECT row, column_name FROM system.quarantine", "--format", "json"))
quarantined = {int(json.loads(entry["row"])["id"]): entry["column_name"] for entry in aside}
differ = 0
for number_, row in want.items():
    aside = [column for column, value in zip(columns, row) if value is ASIDE]
    if aside:
        if number_ in got or quarantined.get(number_) not in aside:
            differ += 1
            print(f"row {number_}: {aside} should be set aside: {quarantined.get(number_)}")
        continue
    if number_ not in got:
        differ += 1
        print(f"row {number_} is missing: {quarantined.get(number_)}")
        continue
    for column, entry, value, cell in zip(columns, types, row, got[number_]):
        if not same(value, cell, entry[-1]):
            differ += 1
            print(f"row {number_} {column} {entry[0]}: {value!r} is loaded as {cell!r}")
assert differ == 0, f"{differ} values differ"
print(f"{rows} rows, {len(got)} loaded, {len(quarantined)} in quarantine, 0 differ")
