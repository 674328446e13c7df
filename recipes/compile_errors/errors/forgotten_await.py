import asyncio


async def load():
    return "home"


async def main():
    text = await load()
    assert text.upper() == "HOME"


asyncio.run(main())
