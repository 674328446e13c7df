import asyncio


class Job:
    def __init__(self, name, work):
        self.name = name
        self.work = work


async def load():
    return 4


async def main():
    job = Job("home", load())
    assert (job.name, await job.work) == ("home", 4)


asyncio.run(main())
