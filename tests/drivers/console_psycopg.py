"""The admin console in psycopg: transactions as it begins them by itself, autocommit, both formats, prepared, pipelined."""

import datetime as dt
import sys

import psycopg

LOGIN = dict(host="127.0.0.1", port=int(sys.argv[1]), dbname="pyrite", user="postgres")


def check(connection, binary):
    cursor = connection.cursor(binary=binary)
    row = cursor.execute("SHOW CLIENTS").fetchall()[-1]
    columns = [column.name for column in cursor.description]
    shown = dict(zip(columns, row))
    assert isinstance(shown["session"], int) and shown["role"] == "postgres", shown
    assert isinstance(shown["since"], dt.datetime) and shown["since"].utcoffset() == dt.timedelta(0), shown
    assert abs(dt.datetime.now(dt.timezone.utc) - shown["since"]) < dt.timedelta(minutes=5), shown
    columns = cursor.execute("SHOW COLUMNS").fetchall()
    assert any(value is True or value is False for value in columns[0]), columns
    assert cursor.execute("SELECT version()").fetchone()[0].startswith("PostgreSQL 15.0 (Pyrite")


for binary in (False, True):
    with psycopg.connect(**LOGIN, prepare_threshold=0) as connection:
        check(connection, binary)
        try:
            connection.execute("RELOAD")
            raise AssertionError("RELOAD ran in a transaction")
        except psycopg.errors.ActiveSqlTransaction as error:
            assert "autocommit" in error.diag.message_hint
        connection.rollback()
        check(connection, binary)
    with psycopg.connect(**LOGIN, autocommit=True) as connection:
        for _ in range(7):
            check(connection, binary)
        assert connection.execute("RELOAD").fetchall() == []
        try:
            connection.execute("SHOW COLUMN")
            raise AssertionError("a mistake was taken")
        except psycopg.errors.SyntaxError as error:
            assert (error.diag.statement_position, error.diag.message_hint) == ("6", "Did you mean COLUMNS?")
        with connection.pipeline():
            first, second = connection.execute("SHOW VERSION"), connection.execute("HELP")
            assert first.fetchone()[0].startswith("pyrite ") and len(second.fetchall()) > 10
        notices = []
        connection.add_notice_handler(lambda diag: notices.append(diag.message_primary))
        cursor = connection.execute("SHOW STATS; SELECT 1")
        assert cursor.nextset() and cursor.fetchall() == [(1,)]
        connection.execute("DISCARD ALL")
print("psycopg is served")
