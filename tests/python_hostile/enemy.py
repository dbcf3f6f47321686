# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""enemy.py SECONDS WHAT: rewrites what the interpreter that runs it keeps, while it burns CPU. All
that is rewritten is what the interpreter itself doesn't look at until it is put back. Its offsets
are those of CPython 3.9 to 3.13 on x86-64, by their headers."""
import ctypes
import gc
import mmap
import os
import struct
import sys
import threading
import time
import types

MINOR = sys.version_info[1]
OLD, SHIMS = MINOR <= 10, MINOR >= 12
FRAME_PREVIOUS = 24 if OLD else 8 if SHIMS else 48
FRAME_CODE = 0 if SHIMS else 32
STATE_THREAD = 176 if OLD else 136 if MINOR == 12 else 152
STATE_FRAME = 24 if OLD else 56 if MINOR <= 12 else 72
LENGTH = 16  # of a string; of bytes, tuples
STRING_STATE = 32
NOWHERE = (0x10, 0x123000, 0x7ffffffff000, 1 << 47, 0xffff888000000000, 0xffffffff81000000,
           0xffffffffff600000, (1 << 63) + 8, (1 << 64) - 8, 0x7fff00000001, 3)
END = time.monotonic() + float(sys.argv[1])


def word(at):
    return ctypes.c_uint64.from_address(at)


def state():
    get = ctypes.pythonapi.PyGILState_GetThisThreadState
    get.restype = ctypes.c_void_p
    return get()


def runtime():
    return ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))


def frame_of(depth):
    """Where the frame is: the object itself, or what it stands for."""
    at = id(sys._getframe(depth + 1))
    return at if OLD else word(at + 24).value


def burn(rounds=30000):
    n = 0
    while n < rounds:
        n += 1


def rewritten(at, values, rounds=30000):
    """Burns a while with each value there, until the time is over; leaves what was there."""
    there = word(at)
    before, values = there.value, list(values)
    while time.monotonic() < END:
        for value in values:
            n = 0
            there.value = value & (1 << 64) - 1
            while n < rounds:
                n += 1
            there.value = before


def loop():
    """The frames become a ring: of one, of two, of all."""
    own = frame_of(0)

    def inner():
        mine = frame_of(0)
        rewritten(frame_of(0) + FRAME_PREVIOUS, [mine, own])

    # rewritten() itself has a frame, whose caller is that of inner().
    inner()


def shims():
    """Each frame of nobody leads to itself."""
    at = frame_of(0)
    while at and word(at + 70).value & 0xff < 3:
        at = word(at + FRAME_PREVIOUS).value
    rewritten(at + FRAME_PREVIOUS, [at, at, 0, 8])


def pointers():
    """A frame's caller is where no frame is."""
    edge = mmap.mmap(-1, 8192)
    base = ctypes.addressof(ctypes.c_char.from_buffer(edge))
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(base + 4096), 4096, 0)
    ends = [base + 4096 - n for n in (8, 16, 72, 80, 88, 128)]
    rewritten(frame_of(0) + FRAME_PREVIOUS, [*NOWHERE, *ends, base, base + 4096])


def innermost():
    """The state's innermost frame is where no frame is. It is not looked at before a call."""
    at = state() + STATE_FRAME
    if MINOR in (11, 12):
        at = word(at).value + (8 if MINOR == 11 else 0)
    there, now, before = word(at), time.monotonic, None
    while now() < END:
        for value in NOWHERE:
            n, before = 0, there.value
            word_at = ctypes.c_uint64.from_address(at)
            word_at.value = value
            while n < 30000:
                n += 1
            word_at.value = before


def noncode():
    """What the caller runs is no code: a string, a list, a type, something with that type."""
    code_type = id(types.CodeType)
    fake = ctypes.create_string_buffer(struct.pack("<QQ", 1, code_type) + os.urandom(400))
    wild = ctypes.create_string_buffer(struct.pack("<QQ", 1, code_type) +
                                       b"".join(struct.pack("<Q", n) for n in NOWHERE * 5))
    things = [id("text"), id([1, 2]), id(object), code_type, id(None),
              ctypes.addressof(fake), ctypes.addressof(wild), *NOWHERE]

    rewritten(frame_of(0) + FRAME_CODE, things)


def stranger():
    rewritten(state() + STATE_THREAD, [1, 0, word(state() + STATE_THREAD).value + 4096, 1 << 63])


def renamed(code, name, path):
    changes = {"co_name": name, "co_filename": path}
    if MINOR >= 11:
        changes["co_qualname"] = name
    return code.replace(**changes)


def variants(names):
    """Functions that do the same under each of these (name, file)."""
    return [types.FunctionType(renamed(burn.__code__, *n), {}, "f", (30000,)) for n in names]


def names():
    """Long ones, ones that would break a line or a terminal, ones that are no Unicode."""
    long = "x" * 100000
    bad = ["", "a;b 1\nc", "\x1b[31m\x07", "\ud800\udfff", "\udc80", "\U0010ffff" * 50, "é" * 3000,
           "a\0b", long, '"<&>\'\\', "\u202e", "[unknown]", "0"]
    functions = variants([(n, "f.py") for n in bad] + [("g", n) for n in bad])
    while time.monotonic() < END:
        for function in functions:
            function()


def lengths():
    """Strings and tables that say to be longer, or otherwise, than they are."""
    absurd = [1 << 62, (1 << 63) - 1, (1 << 64) - 1, 1 << 32, 1 << 20, 5000, 0]
    rewrites = []
    for at, values in (LENGTH, absurd), (STRING_STATE, [0, 0xff, 0x1f, 0x84, 0xa4, 0xb0, 0xe0]):
        for n, value in enumerate(values):
            for what in "name", "path":
                text = f"{what}-{at}-{n}-" + "y" * 40
                key = (text, "f.py") if what == "name" else ("g", text)
                function = variants([key])[0]
                text = getattr(function.__code__, "co_name" if what == "name" else "co_filename")
                rewrites.append((function, id(text) + at, value, text))
    table = "co_lnotab" if MINOR <= 9 else "co_linetable"
    for value in absurd:
        lines = bytes(getattr(burn.__code__, table)) + b"\0\0"
        code = renamed(burn.__code__, f"lines{value}", "f.py").replace(**{table: lines})
        text = getattr(code, table)
        rewrites.append((types.FunctionType(code, {}, "f", (30000,)), id(text) + LENGTH, value, text))
    while time.monotonic() < END:
        for function, at, value, _ in rewrites:
            there = word(at)
            before, there.value = there.value, value
            function()
            there.value = before


def tables():
    """Line tables of 3 MB of what may stand in them, and of what may not."""
    table = "co_lnotab" if MINOR <= 9 else "co_linetable"
    own = [b"\0" * 3000000, b"\xff" * 3000000, b"\x80" * 3000000, b"\x01\x81" * 1500000,
           os.urandom(3000000), b"\xf0\x7f" + b"\x7f" * 2000000]
    functions = [types.FunctionType(renamed(burn.__code__, f"t{n}", "f.py").replace(**{table: t}),
                                    {}, "f", (30000,)) for n, t in enumerate(own)]
    while time.monotonic() < END:
        for function in functions:
            function()


def offsets():
    """3.13: what the runtime says of itself is absurd, or of another version."""
    at, size = runtime(), 584
    before = ctypes.string_at(at, size)
    wrong = [1 << 63, (1 << 64) - 1, 0xffff, 128, 127, 1, 0]
    edits = [(8 * n, w) for n in range(3, size // 8) for w in wrong]
    edits += [(8, v) for v in (0x031000f0, 0x03ff00f0, 0, 0x04000000, 1 << 63)] + [(0, 0), (16, 1)]
    ctypes.memmove(at + 24, b"\xff" * (size - 24), size - 24)
    say_ready()
    burn(3000000)
    while time.monotonic() < END:
        for where, value in edits:
            ctypes.memmove(at, before, size)
            word(at + where).value = value
            burn()


def keys():
    """The key of the thread's state is absurd while it runs without the GIL."""
    at = runtime() + {9: 584, 10: 584, 11: 592, 12: 1544, 13: 2160}[MINOR] + 4
    there = ctypes.c_uint32.from_address(at)
    wait = ctypes.CDLL(None).usleep
    before = there.value
    while time.monotonic() < END:
        for value in 0xffffffff, 1024, 1023, 32, 0x80000000, 0:
            there.value = value
            wait(300)
            there.value = before
            burn()


def race():
    """Another thread writes over frames, strings and states while this one burns."""
    library = ctypes.CDLL(os.path.join(sys.argv[3], "races.so"))
    code = word(frame_of(0) + FRAME_CODE).value
    text = "race-" + "z" * 60
    function = variants([(text, text)])[0]
    places = [frame_of(0) + FRAME_PREVIOUS, state() + STATE_THREAD, id(text) + LENGTH,
              id(text) + STRING_STATE]
    others = [frame_of(0), 0, code, NOWHERE[4], 1 << 62, id(text)]
    stop = ctypes.c_int(0)
    args = [(ctypes.c_uint64 * len(v))(*v) for v in (places, others)]
    thread = threading.Thread(target=library.races, args=(args[0], len(places), args[1], len(others),
                                                          ctypes.byref(stop)))
    # From here on nothing may fail, until what is written over is put back.
    thread.start()
    for _ in range(int(float(sys.argv[1]) * 500)):
        function()
    stop.value = 1
    thread.join()


def flood():
    """Deep stacks of code that is new each time."""
    depth, n = 300, 0

    def chain(todo):
        if todo:
            todo.pop()(todo)
        else:
            burn(2000)

    while time.monotonic() < END:
        n += depth
        todo = [types.FunctionType(renamed(chain.__code__, f"new{n + i}", f"/f/{n + i}.py"),
                                   globals()) for i in range(depth)]
        todo.pop()(todo)


def wide():
    """New code all the time, each with a line table of 900,000 bytes and a name of 100,000."""
    depth, n, table = 100, 0, "co_lnotab" if MINOR <= 9 else "co_linetable"
    lines, name = bytes(range(1, 251)) * 3600, "w" * 100000

    def chain(todo):
        if todo:
            todo.pop()(todo)
        else:
            burn(2000)

    code = renamed(chain.__code__, name, name).replace(**{table: lines})
    while time.monotonic() < END:
        n += depth
        todo = [types.FunctionType(code.replace(co_firstlineno=n + i), globals())
                for i in range(depth)]
        todo.pop()(todo)


def compiled():
    """New functions, one after the other, by the compiler itself."""
    n = 0
    while time.monotonic() < END:
        n += 1
        scope = {}
        exec(compile(f"def flooded_{n}(k):\n" + f"    k += {n}\n" * 50 +
                     "    while k > 0:\n        k -= 1000\n", f"/tmp/flood/{n}.py", "exec"), scope)
        scope[f"flooded_{n}"](100000)


def threads():
    """Hundreds that work a little, and ones that are born and end all the time."""
    def work():
        while time.monotonic() < END:
            burn(2000)
            time.sleep(0.05)

    for _ in range(300):
        threading.Thread(target=work, daemon=True).start()
    while time.monotonic() < END:
        few = [threading.Thread(target=burn, args=(3000,)) for _ in range(10)]
        for t in few:
            t.start()
        for t in few:
            t.join()


def deep():
    """Beyond what is followed, of frames that are all true."""
    sys.setrecursionlimit(20000)
    threading.stack_size(512 << 20)

    def down(n):
        if n:
            return down(n - 1)
        while time.monotonic() < END:
            burn()

    thread = threading.Thread(target=down, args=(9000,))
    thread.start()
    thread.join()


def through_c():
    """As deep, and each call through C: a loop of the interpreter for each."""
    sys.setrecursionlimit(20000)
    threading.stack_size(512 << 20)

    def down(n):
        if n:
            return next(map(down, (n - 1,)))
        while time.monotonic() < END:
            burn()

    thread = threading.Thread(target=down, args=(2000,))
    thread.start()
    thread.join()


def execs():
    """Becomes another interpreter, again and again: sys.argv[3:] are those."""
    burn(100000)
    rest = sys.argv[3:]
    left = END - time.monotonic()
    if left > 0:
        os.execv(rest[0], [rest[0], __file__, f"{left - 0.001}", "execs", *rest[1:], rest[0]])


def say_ready():
    print("ready", flush=True)


def main():
    gc.disable()
    with open("/proc/self/comm", "w", encoding="ascii") as f:
        f.write(os.environ.get("ENEMY", "enemy"))
    what = sys.argv[2]
    if what not in ("offsets",):
        say_ready()
    globals()[what]()
    os._exit(0)


if __name__ == "__main__":
    main()
