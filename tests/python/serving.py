"""Serves a shop while its cubes are edited and broken, and reads it as of earlier times.

usage: serving.py BINARY WORKDIR
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from decimal import Decimal

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager

from starling import Checks

binary, work = sys.argv[1:]
shop = os.path.join(work, "shop")
checks = Checks()
# A change shows after the next look, once a second; a busy machine may take longer.
PATIENCE = 30


def write(name, text):
    path = os.path.join(shop, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(name):
    with open(os.path.join(shop, name), encoding="utf-8") as file:
        return file.read()


def load():
    subprocess.run([binary, "-C", shop, "load", "-q"], check=True)


class Server:
    """A server, and what it says on stderr."""

    def __init__(self, *arguments):
        command = [binary, *arguments, "serve", "--flight", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.said = []
        for line in self.process.stderr:
            self.said.append(line)
            found = re.search(r"grpc://\S+?(?=;)", line)
            if found:
                break
        self.address = found.group()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stderr:
            self.said.append(line)

    def connect(self, **options):
        return flight_sql.connect(self.address, autocommit=True, db_kwargs=options)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def lines_with(self, text):
        return [line for line in self.said if text in line]


def rows(connection, query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def refusal(connection, query):
    try:
        rows(connection, query)
    except adbc_driver_manager.Error as error:
        return str(error)
    return "nothing was refused"


def until(what, wanted, look):
    """Waits for `look` to give `wanted`."""
    end = time.monotonic() + PATIENCE
    found = look()
    while found != wanted and time.monotonic() < end:
        time.sleep(0.1)
        found = look()
    checks.equal(what, found, wanted)


SALES = """version: 1
cube: sales
fact: sales
measures:
  revenue: {sum: amount}
"""
VISITS = """version: 1
cube: visits
fact: sales
measures:
  visits: {count: "*"}
  spent: {sum: amount}
"""

write("starling.yaml", "version: 1\nname: shop\nwarehouse: wh\n")
write(
    "etl/sources.yaml",
    "version: 1\nsources:\n  shop:\n    csv: {path: data}\n    tables:\n"
    "      customer: {file: customers.csv}\n"
    "      sale: {file: sales.csv, types: {day: date, amount: 'decimal(10,2)'}}\n",
)
write(
    "etl/customer.yaml",
    "version: 1\ndimension: customer\nkey: no\nfrom:\n"
    "  - {table: shop.customer, columns: {no: no, city: city}}\nlevels: {city: city}\n",
)
write(
    "etl/sales.yaml",
    "version: 1\nfact: sales\ngrain: [sale_no]\nfrom:\n  - table: shop.sale\n"
    "    columns: {sale_no: id, amount: amount}\n"
    "dimensions: {date: {on: day}, customer: {on: customer}}\n",
)
write("cubes/sales.yaml", SALES)
write("cubes/visits.yaml", VISITS)
write(
    "cubes/both.yaml",
    "version: 1\ncube: both\ncubes:\n  sales: {measures: [revenue]}\n  visits: {measures: [visits]}\n",
)
write("data/customers.csv", "no,city\nC1,Paris\nC2,Rome\n")
write("data/sales.csv", "id,day,customer,amount\n1,2024-01-31,C1,10.50\n2,2024-02-29,C2,4.25\n")
load()

REVENUE = "SELECT customer_city, AGG(revenue) FROM cubes.sales GROUP BY 1 ORDER BY 1"
STATE = "SELECT state FROM system.cubes WHERE cube = '{}'"
FIRST = [("Paris", Decimal("10.50")), ("Rome", Decimal("4.25"))]


def pinned_otherwise(change):
    """Rewrites the declarations in the epoch, as another version of the program may see them."""
    path = os.path.join(shop, "wh/_starling/epochs/00000000000000000001.json")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    epoch = json.loads(text)["epoch"]
    change(epoch["declarations"])
    body = json.dumps(epoch, indent=2, ensure_ascii=False)
    digest = hashlib.sha256(body.encode("utf-8")).hexdigest()
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'{{"sha256":"{digest}","epoch":{body}}}')
    return path, text


# One cube of the epoch is wrong: the others answer, and it says what is wrong with it.
def misspell(declarations):
    declarations["cubes/visits.yaml"] = VISITS.replace("amount", "amuont")


path, original = pinned_otherwise(misspell)
server = Server("--warehouse", os.path.join(shop, "wh"))
try:
    with server.connect() as connection:
        checks.equal("the good cube", rows(connection, REVENUE), FIRST)
        message = refusal(connection, "SELECT AGG(visits) FROM cubes.visits")
        words = "the cube `visits` cannot be asked: cubes/visits.yaml:6:16: unknown column"
        checks.equal(f"the wrong cube: {message}", words in message, True)
        checks.equal("its nearest", "did you mean `amount`?" in message, True)
        for relation in ["cubes_bi.visits", 'cubes."visits$detail"']:
            message = refusal(connection, f"SELECT * FROM {relation}")
            checks.equal(f"{relation}: {message}", "cannot be asked" in message, True)
        checks.equal("a good state", rows(connection, STATE.format("sales")), [("ok",)])
        # A cube over it cannot be asked either, and says why.
        message = refusal(connection, "SELECT AGG(revenue) FROM cubes.both")
        words = "the cube `both` cannot be asked: cubes/both.yaml:5:3: unknown cube `visits`"
        checks.equal(f"a cube over it: {message}", words in message, True)
        state = rows(connection, STATE.format("visits"))[0][0]
        checks.equal("a wrong state", state.startswith("cubes/visits.yaml:6:16: "), True)
        declared = "SELECT origin, state, line_number, column_number FROM system.declarations"
        declared += " WHERE file = 'cubes/visits.yaml'"
        checks.equal("the declaration", rows(connection, declared), [(None, "wrong", 6, 16)])
        tree = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        tables = {
            (schema["db_schema_name"], table["table_name"])
            for schema in tree[0]["catalog_db_schemas"]
            for table in schema["db_schema_tables"]
        }
        checks.equal("the good one is listed", ("cubes", "sales") in tables, True)
        checks.equal("the wrong one is not", ("cubes", "visits") in tables, False)
    checks.equal("said once", len(server.lines_with("cubes/visits.yaml:6:16")), 1)
finally:
    server.stop()


# The declaration of a dimension is wrong: cubes over it are not trusted, tables are still there.
def spoil(declarations):
    declarations["etl/customer.yaml"] = declarations["etl/customer.yaml"] + "colour: red\n"


with open(path, "w", encoding="utf-8") as file:
    file.write(original)
pinned_otherwise(spoil)
server = Server("--warehouse", os.path.join(shop, "wh"))
try:
    with server.connect() as connection:
        message = refusal(connection, REVENUE)
        checks.equal(f"a doubtful cube: {message}", "`customer` is declared wrongly" in message, True)
        count = "SELECT count(*) FROM warehouse.customer WHERE customer_key > 0"
        checks.equal("its table", rows(connection, count), [(2,)])
finally:
    server.stop()
with open(path, "w", encoding="utf-8") as file:
    file.write(original)

# Cubes are edited while they are served.
server = Server("-C", shop)
try:
    connection = server.connect()

    def answer(query):
        def look():
            try:
                return rows(connection, query)
            except adbc_driver_manager.Error as error:
                return str(error)

        return look

    checks.equal("before", rows(connection, REVENUE), FIRST)
    tickets = connection.cursor()
    partitions, _ = tickets.adbc_execute_partitions(REVENUE)

    write("cubes/sales.yaml", SALES + '  lines: {count: "*"}\n')
    until("a new measure", [(2,)], answer("SELECT AGG(lines) FROM cubes.sales"))
    origin = "SELECT origin, state FROM system.declarations WHERE file = 'cubes/sales.yaml'"
    checks.equal("from the folder", rows(connection, origin), [("project", "ok")])
    tickets.adbc_read_partition(partitions[0])
    checks.equal("what was announced is sent", tickets.fetchall(), FIRST)
    tickets.close()

    # A wrong edit: the last good declaration keeps serving, here that of the edit before.
    write("cubes/sales.yaml", SALES + '  lines: {count: "*"}\n  mean: {avg: amont}\n')
    until(
        "the mistake shows",
        [("the declaration before this mistake is served: cubes/sales.yaml:7:15: unknown column of "
          "the fact `sales` `amont`; did you mean `amount`?",)],
        answer(STATE.format("sales")),
    )
    checks.equal("the edit before", rows(connection, "SELECT AGG(lines) FROM cubes.sales"), [(2,)])
    checks.equal("still the folder's", rows(connection, origin), [("project", "wrong")])
    checks.equal("the other cube", rows(connection, STATE.format("visits")), [("ok",)])
    # What only the tables can tell is wrong too.
    write("cubes/visits.yaml", VISITS + "  names: {sum: \"concat(amount, 'x')\"}\n")
    until(
        "a wrong type shows",
        [(True,)],
        answer(
            "SELECT state LIKE '%cubes/visits.yaml:7:3: measure `names`%cannot be summed%' "
            "FROM system.cubes WHERE cube = 'visits'"
        ),
    )
    checks.equal("as it was", rows(connection, "SELECT AGG(visits) FROM cubes.visits"), [(2,)])
    over = "SELECT AGG(visits), AGG(revenue) FROM cubes.both"
    checks.equal("and a cube over it", rows(connection, over), [(2, Decimal("14.75"))])
    # A new cube that was never right says so itself.
    write("cubes/returns.yaml", "version: 1\ncube: returns\nfact: retruns\n")
    until(
        "a wrong new cube",
        True,
        lambda: "cubes/returns.yaml:3:7" in refusal(connection, "SELECT * FROM cubes.returns"),
    )
    # What must be loaded is said to need that.
    write("etl/customer.yaml", read("etl/customer.yaml").replace("levels:", "# new\nlevels:"))
    needs = "SELECT state FROM system.declarations WHERE file = 'etl/customer.yaml'"
    until("needs a load", [("needs a load",)], answer(needs))
    checks.equal("still serving", rows(connection, REVENUE), FIRST)
    time.sleep(2.5)
    for text in [
        "cubes/sales.yaml:7:15: unknown column",
        "cubes/visits.yaml:7:3: measure `names`",
        "cubes/returns.yaml:3:7: unknown fact",
        "etl/customer.yaml is not as it was loaded; run `starling load`",
    ]:
        checks.equal(f"{text} is said once", len(server.lines_with(text)), 1)

    # All is mended, and a file that is gone is a cube that is gone.
    write("cubes/sales.yaml", SALES)
    write("cubes/visits.yaml", VISITS)
    os.remove(os.path.join(shop, "cubes/returns.yaml"))
    until(
        "all is well",
        [("both", "ok"), ("sales", "ok"), ("visits", "ok")],
        answer("SELECT cube, state FROM system.cubes ORDER BY 1"),
    )
    checks.equal("as loaded", rows(connection, origin), [("epoch", "ok")])
    os.remove(os.path.join(shop, "cubes/visits.yaml"))
    until(
        "a removed cube",
        True,
        lambda: "there is no relation cubes.visits" in refusal(connection, "SELECT * FROM cubes.visits"),
    )
    checks.equal(
        "a cube over it", "unknown cube `visits`" in rows(connection, STATE.format("both"))[0][0], True
    )
    os.remove(os.path.join(shop, "cubes/both.yaml"))
    # A folder without a project changes nothing.
    os.rename(os.path.join(shop, "starling.yaml"), os.path.join(shop, "starling.old"))
    until("a folder that is no project is said", 1, lambda: len(server.lines_with("no `starling.yaml`")))
    checks.equal("and changes nothing", rows(connection, REVENUE), FIRST)
    os.rename(os.path.join(shop, "starling.old"), os.path.join(shop, "starling.yaml"))

    # Facts and dimensions of the next epoch, and as they were.
    (created,) = rows(connection, "SELECT created_at FROM system.epochs WHERE epoch = 1")[0]
    write("data/customers.csv", "no,city\nC1,Paris\nC2,Oslo\n")
    write("data/sales.csv", read("data/sales.csv") + "3,2024-03-01,C2,1.00\n")
    load()
    SECOND = [("Oslo", Decimal("5.25")), ("Paris", Decimal("10.50"))]
    until("the next epoch", SECOND, answer(REVENUE))
    then = server.connect(username="ada", password="x")
    option = "adbc.flight.sql.session.option.as_of"
    then.adbc_connection.set_options(**{option: created.isoformat()})
    checks.equal("as of the first epoch", rows(then, REVENUE), FIRST)
    cities = "SELECT count(*) FROM warehouse.customer WHERE city = 'Rome'"
    checks.equal("its dimension", rows(then, cities), [(1,)])
    then.adbc_connection.set_options(**{option: "2100-01-01"})
    checks.equal("as of a later time", rows(then, REVENUE), SECOND)
    for wrong in ["2000-01-01", "yesterday"]:
        try:
            then.adbc_connection.set_options(**{option: wrong})
            refused = False
        except adbc_driver_manager.Error:
            refused = True
        checks.equal(f"as of {wrong} is refused", refused, True)
    then.close()

    # What is chosen is kept by a name or by cookies; a client with neither is told so.
    forgetful = server.connect()
    forgetful.adbc_connection.set_options(**{"adbc.flight.sql.session.option.epoch": "1"})
    checks.equal("options that would be lost", "with_cookie_middleware" in refusal(forgetful, REVENUE), True)
    forgetful.close()
    keeping = server.connect(**{"adbc.flight.sql.rpc.with_cookie_middleware": "true"})
    keeping.adbc_connection.set_options(**{"adbc.flight.sql.session.option.epoch": "1"})
    checks.equal("options kept by a cookie", rows(keeping, REVENUE), FIRST)
    keeping.close()
    connection.close()
finally:
    server.stop()
checks.finish()
