"""The admin console in asyncpg, which is binary, prepares and describes everything, and resets what it gives back."""

import asyncio
import datetime as dt
import sys

import asyncpg


async def main():
    login = dict(host="127.0.0.1", port=int(sys.argv[1]), database="pyrite", user="postgres")
    async with asyncpg.create_pool(**login, min_size=1, max_size=1) as pool:
        for _ in range(3):
            async with pool.acquire() as connection:
                row = (await connection.fetch("SHOW CLIENTS"))[-1]
                assert isinstance(row["session"], int) and isinstance(row["since"], dt.datetime), row
                assert type((await connection.fetch("SHOW COLUMNS"))[0]["protected"]) is bool
                assert await connection.fetchval("SHOW VERSION")
                async with connection.transaction():
                    assert await connection.fetchval("SELECT 1") == 1
                    help_cursor = [row async for row in connection.cursor("HELP", prefetch=3)]
                    assert len(help_cursor) > 10
                try:
                    await connection.fetch("SHOW KEYS IN DATABASE nowhere")
                    raise AssertionError("a mistake was taken")
                except asyncpg.InvalidCatalogNameError as error:
                    assert error.hint
                assert await connection.execute("RELOAD") == "RELOAD 0"
    print("asyncpg is served")


asyncio.run(main())
