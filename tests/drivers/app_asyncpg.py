"""The little application in asyncpg, which is binary, prepared and describes everything."""

import asyncio
import datetime as dt
import decimal
import sys
import uuid

import asyncpg

PORT, DATABASE = int(sys.argv[1]), sys.argv[2]
UTC = dt.timezone.utc
PEOPLE = [
    (1, "grete.falkner@voltmail.example", "Grete Falkner", dt.date(1971, 2, 3), decimal.Decimal("10.50"), True, 0.1,
     8123456789012345, dt.datetime(2022, 12, 20, 8, 30, 1, 500000, UTC), uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF),
     b"\x00\xff\\x' binary", '{"b": [1, 2.5, null], "a": "ü"}', "plain"),
    (2, "ümit@voltmail.example", "Ümit 張偉 🚗", None, decimal.Decimal("-0.01"), False, float("inf"), -1, None, None, b"", None, None),
    (3, None, "", dt.date.max, None, None, None, None, None, None, None, '"x"', ""),
]
NUMBERS = ", ".join(f"${n}" for n in range(1, 14))


async def fails(connection, text, *values):
    try:
        print(text, await connection.fetch(text, *values))
    except (asyncpg.PostgresError, asyncpg.DataError) as error:
        print(text, "failed:", getattr(error, "sqlstate", None), getattr(error, "constraint_name", None))


async def main():
    connection = await asyncpg.connect(host="127.0.0.1", port=PORT, database=DATABASE, user="postgres", ssl=False)
    statement = await connection.prepare(f"INSERT INTO people VALUES ({NUMBERS})")
    print([(p.name, p.kind) for p in statement.get_parameters()])
    await statement.executemany(PEOPLE)
    await connection.executemany("INSERT INTO cars VALUES ($1, $2, 'Kestrel')", [("5YJ3E1EA7KF317000", PEOPLE[0][1]), ("SHORTVIN", PEOPLE[1][1])])
    statement = await connection.prepare("SELECT * FROM people ORDER BY id")
    print([(a.name, a.type.name) for a in statement.get_attributes()])
    print([dict(row) for row in await statement.fetch()])
    for column, value in [("email", PEOPLE[0][1]), ("name", PEOPLE[1][2]), ("born", PEOPLE[0][3]), ("balance", decimal.Decimal("10.5000")),
                          ("vip", True), ("score", 0.1), ("serial", 8123456789012345), ("seen", PEOPLE[0][8]), ("key", PEOPLE[0][9]),
                          ("photo", PEOPLE[0][10]), ("doc", PEOPLE[0][11]), ("serial", -1), ("email", "none@voltmail.example"), ("email", None)]:
        for _ in range(2):
            print(column, await connection.fetch(f"SELECT id, {column} FROM people WHERE {column} = $1", value))
    print(await connection.fetch("SELECT id FROM people WHERE email = ANY($1) ORDER BY id", [PEOPLE[0][1], PEOPLE[1][1], None]))
    print(await connection.fetch("SELECT id FROM people WHERE email = ANY($1::text[]) ORDER BY id", [PEOPLE[0][1]]))
    print(await connection.fetch("SELECT id FROM people WHERE serial = ANY($1) ORDER BY id", [-1, 5]))
    print(await connection.fetch("SELECT p.id, c.vin FROM people p JOIN cars c ON c.owner = p.email ORDER BY p.id"))
    print(await connection.execute("UPDATE people SET name = $1, balance = $2 WHERE email = $3", "Grete Falkner-Wu", decimal.Decimal("99.99"), PEOPLE[0][1]))
    print(await connection.fetchrow("INSERT INTO people (id, email, name) VALUES ($1, $2, $3) ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name RETURNING id, name", 9, PEOPLE[0][1], "Upserted"))
    await fails(connection, "INSERT INTO people (id, email, name) VALUES ($1, $2, $3)", 9, PEOPLE[0][1], "again")
    await fails(connection, "INSERT INTO people (id, email, name) VALUES ($1, $2, 'long')", 9, "x" * 121)
    await fails(connection, "INSERT INTO people (id, name) VALUES ($1, $2)", 9, None)
    async with connection.transaction():
        async for row in connection.cursor("SELECT id, name FROM people ORDER BY id", prefetch=1):
            print("cursor", row)
    transaction = connection.transaction()
    await transaction.start()
    print(await connection.fetch("DELETE FROM people WHERE email = $1 RETURNING id", PEOPLE[0][1]))
    await transaction.rollback()
    print(await connection.fetchval("SELECT count(*) FROM people"))
    print(await connection.execute("DELETE FROM people; DELETE FROM cars"))
    await connection.close()


asyncio.run(main())
