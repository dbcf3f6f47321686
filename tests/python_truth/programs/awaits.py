# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tasks that await each other in all ways, from 3.14 on. Each function that works has one way to it,
which awaited.py knows."""
import asyncio

from rounds import begin, clock, ending, tell

STEP = 0.002
LINKS = 10
spent = {}


def used(part, before):
    spent[part] = spent.get(part, 0) + clock() - before


def spin():
    over = clock() + STEP
    while clock() < over:
        pass


def roasting():
    spin()


def pouring():
    spin()


def writing():
    spin()


def linked():
    spin()


def guarding():
    spin()


def hurrying():
    spin()


async def work(part):
    """As a coroutine within each task."""
    while not ending:
        before = clock()
        part()
        used(part.__name__, before)
        await asyncio.sleep(0)


async def stove():
    await work(roasting)


async def cook():
    await asyncio.create_task(stove(), name="stove")


async def kitchen():
    await cook()


async def barrel():
    await work(pouring)


async def cellar():
    # Without names, which asyncio then makes up.
    await asyncio.gather(barrel(), barrel())


async def clerk():
    asyncio.current_task().get_name()
    await work(writing)


async def window(task):
    await task


async def link(n):
    if n:
        await asyncio.create_task(link(n - 1), name="link")
    else:
        await work(linked)


async def guarded():
    await work(guarding)


async def guard():
    await asyncio.shield(asyncio.create_task(guarded(), name="ñ" * 80))


async def eager():
    before = clock()
    hurrying()
    used("hurrying", before)


async def starter():
    while not ending:
        await asyncio.create_task(eager(), name="eager", eager_start=True)
        await asyncio.sleep(0)


async def town():
    async with asyncio.TaskGroup() as group:
        group.create_task(kitchen(), name="kitchen")
        group.create_task(cellar())
        one = asyncio.create_task(clerk(), name="clerk")
        group.create_task(window(one))
        group.create_task(window(one))
        group.create_task(link(LINKS))
        group.create_task(guard())
        group.create_task(starter())
        for _ in range(3 * LINKS):
            await asyncio.sleep(0)
        begin()


asyncio.run(town())
tell(spent)
