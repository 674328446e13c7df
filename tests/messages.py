#!/usr/bin/env python3
"""Makes Python print the messages that docs/concordance/messages.toml answers, each by a small program.

This Python runs each program, which must print the form of the message before it. A form has `{}` where names and numbers
differ.
"""

import concurrent.futures
import pathlib
import subprocess
import sys
import tomllib

MESSAGES = pathlib.Path(__file__).resolve().parent.parent / "docs" / "concordance" / "messages.toml"

# What most of the programs begin with.
HEAD = "import asyncio, sys, time, threading, contextlib\nasync def job(): await asyncio.sleep(0)\n"

PROGRAMS = {
    "coroutine {} was never awaited": "job()",
    "attached to a different loop": """
lock = asyncio.Future(loop=asyncio.new_event_loop())
async def main(): await lock
asyncio.run(main())""",
    "is bound to a different event loop": """
lock = asyncio.Lock()
async def main():
    async with lock:
        with contextlib.suppress(TimeoutError): await asyncio.wait_for(lock.acquire(), 0.01)
asyncio.run(main())
asyncio.run(main())""",
    "asyncio.run() cannot be called from a running event loop": """
async def main(): asyncio.run(job())
asyncio.run(main())""",
    "This event loop is already running": """
async def main(): asyncio.get_running_loop().run_until_complete(job())
asyncio.run(main())""",
    "Cannot run the event loop while another loop is running": """
async def main(): asyncio.new_event_loop().run_until_complete(job())
asyncio.run(main())""",
    "no running event loop": "asyncio.get_running_loop()",
    "There is no current event loop in thread {}": """
thread = threading.Thread(target=asyncio.get_event_loop)
thread.start(); thread.join()""",
    "Event loop is closed": "loop = asyncio.new_event_loop(); loop.close(); loop.call_soon(print)",
    "Event loop stopped before Future completed.": """
loop = asyncio.new_event_loop(); loop.call_soon(loop.stop)
loop.run_until_complete(asyncio.Future(loop=loop))""",
    "cannot schedule new futures after shutdown": """
import concurrent.futures
pool = concurrent.futures.ThreadPoolExecutor(); pool.shutdown(); pool.submit(print)""",
    "Task exception was never retrieved": """
async def fail(): raise OSError("no disk")
async def main():
    asyncio.create_task(fail())
    await asyncio.sleep(0.01)
asyncio.run(main())""",
    "Task was destroyed but it is pending!": """
loop = asyncio.new_event_loop()
task = loop.create_task(asyncio.sleep(9)); loop.run_until_complete(job()); loop.close()""",
    "asyncio.exceptions.CancelledError": """
async def main():
    task = asyncio.create_task(asyncio.sleep(9)); task.cancel(); await task
asyncio.run(main())""",
    "TimeoutError:": """
import logging
try: asyncio.run(asyncio.wait_for(asyncio.sleep(9), 0.01))
except TimeoutError as error: raise TimeoutError("too late") from error""",
    "Executing {} took {} seconds": """
async def main(): time.sleep(0.2)
asyncio.run(main(), debug=True)""",
    "Task got bad yield: {}": """
class Odd:
    def __await__(self): yield 7
async def main(): await Odd()
asyncio.run(main())""",
    "Non-thread-safe operation invoked on an event loop other than the current one": """
async def main():
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(lambda: loop.call_soon(print))
asyncio.run(main(), debug=True)""",
    "{} bytes read on a total of {} expected bytes": """
async def main():
    reader = asyncio.StreamReader(); reader.feed_data(b"ab"); reader.feed_eof()
    await reader.readexactly(4)
asyncio.run(main())""",
    "Separator is not found, and chunk exceed the limit": """
async def main():
    reader = asyncio.StreamReader(limit=4); reader.feed_data(b"a long line without an end")
    await reader.readuntil()
asyncio.run(main())""",
    "object {} can't be used in 'await' expression": """
async def main(): await len("a")
asyncio.run(main())""",
    "An asyncio.Future, a coroutine or an awaitable is required": """
async def main(): asyncio.ensure_future(7)
asyncio.run(main())""",
    "cannot reuse already awaited coroutine": """
async def main():
    work = job(); await work; await work
asyncio.run(main())""",
    "{} object is not iterable": "for item in job(): pass",
    "'coroutine' object is not subscriptable": "job()[0]",
    "'coroutine' object has no attribute {}": "job().name",
    "object of type 'coroutine' has no len()": "len(job())",
    "'async for' requires an object with __aiter__ method, got {}": """
async def main():
    async for item in [1]: pass
asyncio.run(main())""",
    "object does not support the asynchronous context manager protocol": """
async def main():
    async with open(__file__ if "__file__" in globals() else sys.executable, "rb"): pass
asyncio.run(main())""",
    "invalid state": """
async def main():
    future = asyncio.Future(); future.set_result(1); future.set_result(2)
asyncio.run(main())""",
    "Result is not set": """
async def main(): asyncio.Future().result()
asyncio.run(main())""",
    "'await' outside async function": "def plain(): await job()",
    "'await' outside function": "await job()",
    "'async with' outside async function": "def plain():\n    async with a: pass",
    "Exception in callback {}": """
async def main():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.01)
asyncio.run(main())""",
    "unhandled errors in a TaskGroup": """
async def main():
    async with asyncio.TaskGroup() as group: group.create_task(fail())
async def fail(): raise OSError("no disk")
asyncio.run(main())""",
    "TaskGroup {} is finished": """
async def main():
    async with asyncio.TaskGroup() as group: pass
    group.create_task(job())
asyncio.run(main())""",
    "TaskGroup {} has not been entered": """
async def main(): asyncio.TaskGroup().create_task(job())
asyncio.run(main())""",
    "task_done() called too many times": """
async def main(): asyncio.Queue().task_done()
asyncio.run(main())""",
    "asyncio.queues.QueueFull": """
async def main():
    queue = asyncio.Queue(1); queue.put_nowait(1); queue.put_nowait(2)
asyncio.run(main())""",
    "asyncio.queues.QueueEmpty": """
async def main(): asyncio.Queue().get_nowait()
asyncio.run(main())""",
    "Lock is not acquired.": """
async def main(): asyncio.Lock().release()
asyncio.run(main())""",
    "cannot wait on un-acquired lock": """
async def main(): await asyncio.Condition().wait()
asyncio.run(main())""",
    "cannot notify on un-acquired lock": """
async def main(): asyncio.Condition().notify()
asyncio.run(main())""",
    "BoundedSemaphore released too many times": """
async def main(): asyncio.BoundedSemaphore().release()
asyncio.run(main())""",
    "A process in the process pool was terminated abruptly while the future was running or pending.": """
import concurrent.futures, os
with concurrent.futures.ProcessPoolExecutor(1) as pool: pool.submit(os._exit, 1).result()""",
    "Can't pickle {}": """
import concurrent.futures
with concurrent.futures.ProcessPoolExecutor(1) as pool: pool.submit(lambda: 1).result()""",
    "Set of Tasks/Futures is empty.": """
async def main(): await asyncio.wait([])
asyncio.run(main())""",
    "Passing coroutines is forbidden, use tasks explicitly.": """
async def main(): await asyncio.wait([job()])
asyncio.run(main())""",
    "set_wakeup_fd only works in main thread": """
import signal
async def main(): asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print)
thread = threading.Thread(target=asyncio.run, args=(main(),)); thread.start(); thread.join()""",
    "Connect call failed {}": """
import socket
with socket.socket() as free:
    free.bind(("127.0.0.1", 0)); port = free.getsockname()[1]
asyncio.run(asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5))""",
    "error while attempting to bind on address {}: address already in use": """
async def main():
    first = await asyncio.start_server(print, "127.0.0.1", 0)
    await asyncio.start_server(print, *first.sockets[0].getsockname())
asyncio.run(main())""",
    "maximum recursion depth exceeded": """
async def deep(): await deep()
asyncio.run(deep())""",
    "got an unexpected keyword argument 'loop'": "asyncio.Lock(loop=None); asyncio.sleep(0, loop=None)",
    "unclosed event loop {}": "import gc\nasyncio.new_event_loop(); gc.collect()",
    "asynchronous generator is already running": """
async def numbers():
    await asyncio.sleep(1)
    yield 1
async def main():
    stream = numbers()
    first = asyncio.ensure_future(anext(stream)); await asyncio.sleep(0.01)
    await anext(stream)
asyncio.run(main())""",
    "async generator ignored GeneratorExit": """
async def numbers():
    try: yield 1
    finally: yield 2
async def main():
    stream = numbers(); await anext(stream); await stream.aclose()
asyncio.run(main())""",
}


def fits(form: str, text: str) -> bool:
    """Whether the parts of a form stand in a text, in their order, whatever quotes and breaks there are."""
    plain = lambda text: " ".join(text.translate(str.maketrans("", "", "'\"`|")).lower().split())
    text, at = plain(text), 0
    for part in form.split("{}"):
        at = text.find(plain(part), at)
        if at < 0:
            return False
        at += len(plain(part))
    return True


def printed(program: str) -> str:
    arguments = [sys.executable, "-X", "dev", "-W", "always", "-c", HEAD + program]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60).stderr


def main() -> int:
    entries = tomllib.loads(MESSAGES.read_text())
    forms = {form for name, entry in entries.items() for form in [name, *entry.get("also", [])]}
    wrong = [f"messages.toml has no {form!r}" for form in PROGRAMS if form not in forms]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for (form, program), text in zip(PROGRAMS.items(), pool.map(printed, PROGRAMS.values())):
            if not fits(form, text):
                wrong.append(f"{form!r} is not what this prints: {program.strip()}\n{text}")
    print("\n".join([*wrong, f"{len(PROGRAMS)} messages, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
