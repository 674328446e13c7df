"""Pages from a server where much goes wrong, over one session."""

import asyncio
import os
import tempfile

from aiohttp import ClientError, ClientPayloadError, ClientResponseError, ClientSession, ClientTimeout
from aiohttp import ContentTypeError, TCPConnector, WSMsgType, web

PAGES = [
    "/page/welcome",
    "/slow/headers/100",
    "/slow/body/200",
    "/redirect/3",
    "/busy/1/seconds/1",
    "/status/404",
    "/cut",
    "/garbage",
    "/hang",
]


async def main(base):
    session = ClientSession(base, timeout=ClientTimeout(total=1), connector=TCPConnector(limit=4, limit_per_host=4))
    async with session:
        outcomes = await asyncio.gather(*(fetch(session, page) for page in PAGES), return_exceptions=True)
        for page, outcome in zip(PAGES, outcomes):
            print(f"{page}: {describe(outcome)}")

        for page in ["/json", "/json/as/text/html"]:
            print(f"{page}: {await outcome_of(name(session, page))}")

        with tempfile.TemporaryDirectory() as folder:
            for page, file in [("/bytes/100000", "whole.bin"), ("/endless", "endless.bin"), ("/cut", "cut.bin")]:
                outcome = await outcome_of(save(session, page, os.path.join(folder, file)))
                print(f"{page} to {file}: {outcome}")
            print(f"in the folder: {', '.join(os.listdir(folder))}")

        for page in ["/websocket/goodbye", "/websocket/silent"]:
            print(f"{page}: {await outcome_of(listen(session, page))}")


async def fetch(session, page):
    for attempt in range(3):
        async with session.get(page) as response:
            if response.status == 429 and attempt < 2:
                pause = int(response.headers["Retry-After"])
            else:
                response.raise_for_status()
                return f"{len(await response.read())} bytes from {response.url.path}"
        await asyncio.sleep(pause)


async def name(session, page):
    async with session.get(page) as response:
        return f"the name is {(await response.json())['name']}"


async def save(session, page, file, limit=1_000_000):
    async with session.get(page) as response:
        response.raise_for_status()
        size = 0
        try:
            with open(file + ".part", "wb") as part:
                async for chunk in response.content.iter_chunked(16 * 1024):
                    size += len(chunk)
                    if size > limit:
                        raise ValueError(f"the body is longer than {limit} bytes")
                    part.write(chunk)
            os.replace(file + ".part", file)
        finally:
            if os.path.exists(file + ".part"):
                os.remove(file + ".part")
        return f"{size} bytes"


async def listen(session, page):
    heard = []
    async with session.ws_connect(page, heartbeat=0.4) as socket:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                heard.append(message.data)
        heard.append("no answer to a ping" if socket.close_code == 1006 else "closed")
    return ", ".join(heard)


async def outcome_of(awaitable):
    try:
        return await awaitable
    except Exception as error:
        return describe(error)


def describe(outcome):
    match outcome:
        case str():
            return outcome
        case ContentTypeError():
            return f"failed, expected JSON, got {outcome.headers['Content-Type'].split(';')[0]}"
        # What is not HTTP is reported as a response with status 400; its cause tells the difference.
        case ClientResponseError(__cause__=None, status=status, message=message):
            return f"failed, {status} {message}"
        case TimeoutError():
            return "failed, timed out"
        case ClientPayloadError():
            return "failed, the body broke off"
        case ClientError():
            return "failed, no valid answer"
        case _:
            return f"failed, {outcome}"


async def answer(request):
    match request.path.split("/")[1:]:
        case ["page", name]:
            return web.Response(text=f"page {name}\n")
        case ["slow", "headers", milliseconds]:
            await asyncio.sleep(int(milliseconds) / 1000)
            return web.Response(text="slow\n")
        case ["slow", "body", milliseconds]:
            body = await begin(request)
            await body.write(b"first half, ")
            await asyncio.sleep(int(milliseconds) / 1000)
            await body.write(b"second half\n")
            return body
        case ["redirect", "1"]:
            raise web.HTTPFound("/page/end")
        case ["redirect", hops]:
            raise web.HTTPFound(f"/redirect/{int(hops) - 1}")
        case ["busy", times, "seconds", seconds]:
            seen = request.app["seen"]
            seen.append(request.path)
            if seen.count(request.path) <= int(times):
                raise web.HTTPTooManyRequests(headers={"Retry-After": seconds})
            return web.Response(text="at last\n")
        case ["cut"]:
            body = await begin(request, {"Content-Length": "1000"})
            await body.write(b"the beginning of")
            request.transport.close()
            return body
        case ["garbage"]:
            request.transport.write(b"this is not what HTTP looks like\r\n\r\n")
            request.transport.close()
            return web.Response()
        case ["hang"]:
            await asyncio.Event().wait()
        case ["json"]:
            return web.json_response({"name": "tokio"})
        case ["json", "as", kind, subtype]:
            return web.json_response({"name": "tokio"}, content_type=f"{kind}/{subtype}")
        case ["bytes", size]:
            return web.Response(body=b"x" * int(size))
        case ["endless"]:
            body = await begin(request)
            try:
                while True:
                    await body.write(b"x" * 16 * 1024)
            except ConnectionError:
                return body
        case ["websocket", "goodbye"]:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str("one")
            await socket.send_str("two")
            await socket.close()
            return socket
        case ["websocket", "silent"]:
            socket = web.WebSocketResponse(autoping=False)
            await socket.prepare(request)
            await asyncio.Event().wait()
        case _:
            raise web.HTTPNotFound


async def begin(request, headers=None):
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    return response


async def serve():
    app = web.Application()
    app["seen"] = []
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    try:
        await main(f"http://{host}:{port}/")
    finally:
        await runner.cleanup()


asyncio.run(serve())
