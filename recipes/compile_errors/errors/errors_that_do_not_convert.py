import asyncio


async def port(settings):
    if not settings:
        raise OSError("no settings")
    return int(settings)


async def main():
    assert await port("8080") == 8080


asyncio.run(main())
