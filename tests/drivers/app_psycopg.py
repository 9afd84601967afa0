"""The little application in psycopg 3: text, binary, prepared, client-side binding and pipelines."""

import datetime as dt
import decimal
import sys
import uuid

import psycopg
from psycopg.types.json import Jsonb

MODE, PORT, DATABASE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
BINARY = MODE == "binary"
PREPARE = True if MODE == "prepared" else None

UTC = dt.timezone.utc
PEOPLE = [
    (1, "grete.falkner@voltmail.example", "Grete Falkner", dt.date(1971, 2, 3), decimal.Decimal("10.50"), True, 0.1,
     8123456789012345, dt.datetime(2022, 12, 20, 8, 30, 1, 500000, UTC), uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF),
     b"\x00\xff\\x' binary", Jsonb({"b": [1, 2.5, None], "a": "ü"}), "plain"),
    (2, "ümit@voltmail.example", "Ümit 張偉 🚗", None, decimal.Decimal("-0.01"), False, float("inf"), -1, None, None, b"", None, None),
    (3, None, "", dt.date(9999, 12, 31), None, None, None, None, None, None, None, Jsonb("x"), ""),
]
INSERT = "INSERT INTO people VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"


def run(connection, text, values=None):
    with connection.cursor(binary=BINARY) as cursor:
        cursor.execute(text, values, prepare=PREPARE)
        show(text, cursor)


def show(text, cursor):
    print(text, values_of(cursor))


def values_of(cursor):
    if cursor.description is None:
        return cursor.rowcount
    columns = [(c.name, c.type_code, c.precision, c.scale, c.internal_size, c.display_size) for c in cursor.description]
    return columns, cursor.fetchall()


def fails(connection, text, values):
    try:
        with connection.transaction():
            run(connection, text, values)
        print(text, "did not fail")
    except psycopg.Error as error:
        print(text, "failed:", error.sqlstate, error.diag.constraint_name, error.diag.column_name)


def application(connection):
    with connection.cursor(binary=BINARY) as cursor:
        cursor.executemany(INSERT, PEOPLE)
        print("inserted", cursor.rowcount)
    for vin, owner in [("5YJ3E1EA7KF317000", PEOPLE[0][1]), ("SHORTVIN", PEOPLE[1][1]), ("OTHERVIN", None)]:
        run(connection, "INSERT INTO cars VALUES (%s, %s, 'Kestrel') RETURNING vin, owner", (vin, owner))
    run(connection, "SELECT * FROM people ORDER BY id")
    for column, value in [("email", PEOPLE[0][1]), ("name", PEOPLE[1][2]), ("born", PEOPLE[0][3]), ("balance", decimal.Decimal("10.5000")),
                          ("vip", True), ("score", 0.1), ("serial", 8123456789012345), ("seen", PEOPLE[0][8]), ("key", PEOPLE[0][9]),
                          ("photo", PEOPLE[0][10]), ("doc", PEOPLE[0][11]), ("serial", -1), ("email", "none@voltmail.example"), ("email", None)]:
        run(connection, f"SELECT id, {column} FROM people WHERE {column} = %s", (value,))
    run(connection, "SELECT id FROM people WHERE email = ANY(%s) ORDER BY id", ([PEOPLE[0][1], PEOPLE[1][1], "x"],))
    run(connection, "SELECT id FROM people WHERE name IN (%s, %s) ORDER BY id", ("Grete Falkner", ""))
    run(connection, "SELECT id FROM people WHERE email <> %s ORDER BY id", (PEOPLE[0][1],))
    run(connection, "SELECT p.id, c.vin, c.model FROM people p JOIN cars c ON c.owner = p.email ORDER BY p.id")
    run(connection, "UPDATE people SET name = %s, balance = %s, born = NULL WHERE email = %s RETURNING name, balance, born",
        ("Grete Falkner-Wu", decimal.Decimal("99.999"), PEOPLE[0][1]))
    run(connection, "INSERT INTO people (id, email, name) VALUES (%s, %s, %s) ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name RETURNING id, name",
        (9, PEOPLE[0][1], "Upserted"))
    fails(connection, "INSERT INTO people (id, email, name) VALUES (%s, %s, %s)", (9, PEOPLE[0][1], "again"))
    fails(connection, "INSERT INTO people (id, name) VALUES (%s, %s)", (9, None))
    fails(connection, "INSERT INTO people (id, email, name) VALUES (%s, %s, 'long')", (9, "x" * 121))
    fails(connection, "INSERT INTO people (id, name, balance) VALUES (%s, 'much', %s)", (9, decimal.Decimal("1e9")))
    try:
        with connection.transaction():
            run(connection, "DELETE FROM people WHERE email = %s RETURNING id", (PEOPLE[0][1],))
            raise psycopg.Rollback
    except psycopg.Rollback:
        pass
    run(connection, "SELECT count(*) FROM people WHERE email = %s", (PEOPLE[0][1],))
    for _ in range(8):
        # Prepared by the driver after a few runs.
        with connection.cursor(binary=BINARY) as cursor:
            cursor.execute("SELECT name FROM people WHERE email = %s", (PEOPLE[1][1],))
            print(cursor.fetchall())
    run(connection, "DELETE FROM people")
    run(connection, "DELETE FROM cars")


def pipelined(connection):
    with connection.pipeline() as pipeline:
        cursors = []
        for row in PEOPLE:
            cursors.append(connection.execute(INSERT, row))
        cursors.append(connection.execute("SELECT id, email, name, balance FROM people ORDER BY id"))
        pipeline.sync()
        for cursor in cursors:
            print(values_of(cursor))
    try:
        with connection.pipeline():
            connection.execute("UPDATE people SET note = %s WHERE email = %s", ("never", PEOPLE[0][1]))
            connection.execute("INSERT INTO people (id, email, name) VALUES (10, %s, 'dup')", (PEOPLE[0][1],))
            connection.execute("UPDATE people SET note = 'aborted'")
    except psycopg.Error:
        # Which of the calls hears of it, and as which exception, depends on timing.
        print("the pipeline failed")
    else:
        print("the pipeline did not fail")
    run(connection, "SELECT id, note FROM people ORDER BY id")
    run(connection, "DELETE FROM people")


def main():
    factory = psycopg.ClientCursor if MODE == "client" else None
    with psycopg.connect(host="127.0.0.1", port=PORT, dbname=DATABASE, user="postgres", sslmode="disable", autocommit=True,
                         **({"cursor_factory": factory} if factory else {})) as connection:
        if MODE == "pipeline":
            pipelined(connection)
        else:
            application(connection)


main()
