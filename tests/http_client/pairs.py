"""The aiohttp half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio
import os
import tempfile

from aiohttp import ClientResponseError, ClientSession, ClientTimeout, TCPConnector, web

# Sockets live on it.
REAL_TIME = True
SEEN = web.AppKey("seen", list)


async def answer(request):
    match request.path.split("/")[1:]:
        case ["page", name]:
            return web.Response(text=f"page {name}\n")
        case ["json"]:
            return web.json_response({"name": "tokio"})
        case ["busy"]:
            request.app[SEEN].append(request.path)
            if len(request.app[SEEN]) <= 2:
                raise web.HTTPTooManyRequests(headers={"Retry-After": "0"})
            return web.Response(text="at last\n")
        case ["bytes", size]:
            return web.Response(body=b"x" * int(size))
        case _:
            raise web.HTTPNotFound


async def serve(host="127.0.0.1"):
    """A server on a free port: its address, and what stops it."""
    app = web.Application()
    app[SEEN] = []
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, 0).start()
    _, port = runner.addresses[0]
    return f"http://{host}:{port}/", runner


async def session_and_server(host="127.0.0.1"):
    base, runner = await serve(host)
    return ClientSession(base), runner


async def one_client_for_the_program():
    base, runner = await serve()

    timeout = ClientTimeout(total=10)
    async with ClientSession(base, timeout=timeout) as session:
        async with session.get("/page/one") as response:
            page = await response.text()

    assert page == "page one\n"
    await runner.cleanup()


async def a_status_that_is_an_error():
    session, runner = await session_and_server()

    try:
        async with session.get("/status/404") as response:
            response.raise_for_status()
            status = response.status
    except ClientResponseError as error:
        status = error.status

    assert status == 404
    await session.close()
    await runner.cleanup()


async def json_into_a_type():
    session, runner = await session_and_server()

    async with session.get("/json") as response:
        name = (await response.json())["name"]

    assert name == "tokio"
    await session.close()
    await runner.cleanup()


async def two_requests_at_a_time():
    base, runner = await serve()
    paths = ["/page/one", "/page/two", "/page/end"]

    async def fetch(path):
        async with session.get(path) as response:
            return await response.text()

    async with ClientSession(base, connector=TCPConnector(limit=2)) as session:
        pages = await asyncio.gather(*map(fetch, paths))

    assert pages == ["page one\n", "page two\n", "page end\n"]
    await runner.cleanup()


async def ask_a_busy_server_again():
    session, runner = await session_and_server()

    for attempt in range(5):
        async with session.get("/busy") as response:
            text = await response.text()
            if response.status != 429:
                break
        await asyncio.sleep(int(response.headers["Retry-After"]))

    assert text == "at last\n"
    await session.close()
    await runner.cleanup()


async def a_body_into_a_file():
    session, runner = await session_and_server()
    folder = tempfile.TemporaryDirectory()
    file = os.path.join(folder.name, "whole.bin")

    async with session.get("/bytes/100000") as response:
        with open(file + ".part", "wb") as part:
            async for chunk in response.content.iter_chunked(16 * 1024):
                part.write(chunk)
    os.replace(file + ".part", file)

    assert (os.path.getsize(file), os.listdir(folder.name)) == (100_000, ["whole.bin"])
    folder.cleanup()
    await session.close()
    await runner.cleanup()
