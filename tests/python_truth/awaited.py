# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who awaits a task is on the stack below it: programs/awaits.py, whose every way is known."""
import collections
import json

import samplers
from stacks import CUT, FALSE, WHOLE, farthest, parse, shares

SECONDS = 2.0
POINTS = 3.0
SEVERAL, LEFT_OUT = "[several awaiters]", "[awaiters left out]"

# By the function that works: its stack, and what its task is called. A task that was started at once
# runs upon who made it, and nothing says who awaits that one.
WAYS = {
    "roasting": (["<module>", "town", "kitchen", "cook", "stove", "work"], "stove"),
    "pouring": (["<module>", "town", "cellar", "barrel", "work"], None),
    "writing": (["<module>", SEVERAL, "clerk", "work"], "clerk"),
    "linked": (["<module>", LEFT_OUT] + 9 * ["link"] + ["work"], "link"),
    "guarding": (["<module>", "town", "guard", "guarded", "work"], "ñ" * 72 + "…"),
    "hurrying": (["<module>", "starter", "eager"], "eager"),
}


def way_of(stack, path):
    """(what works, the way to it), of the program's own functions; None: it did not work."""
    names, begun = [], False
    for text in stack.frames:
        frame = parse(text)
        begun |= text.startswith("Handle._run (")
        if text in (SEVERAL, LEFT_OUT) or frame and frame.file == path:
            name = frame.name if frame else text
            # All tasks run upon the loop that runs them.
            names.append(name if begun or name == "<module>" else "before the loop: " + name)
        if names and names[-1] in WAYS:
            return names[-1], names[:-1]
    return None, None


def labels_of(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    return {row["labels"]["task"]: row["count"]
            for row in json.loads(text[text.find("{\n\"mode\""):]).get("tasks", ())}


def labelled(ways, labels):
    """What is wrong with the names of tasks, in words."""
    expected = collections.Counter()
    for part, (_, label) in WAYS.items():
        expected[label] += ways[part]
    for label in set(labels) - set(expected) - {"kitchen"}:
        yield "a task called " + label
    for label, count in expected.items():
        # It does a little more than to work.
        if label and not 0.99 * count <= labels.get(label, 0) <= 1.3 * count + 10:
            yield "%d of %s, and %d where it works" % (labels.get(label, 0), label, count)


def awaited(runner, table, found):
    for python in [p for p in found if p.version >= (3, 14)]:
        try:
            measured = runner.watch(runner.program(python, "awaits.py"), SECONDS)
        except samplers.Failed as e:
            table.failure(python.name, "awaited", e)
            continue
        path = runner.path("awaits.py")
        counts, ways, bad = collections.Counter(), collections.Counter(), collections.Counter()
        for s in measured.folded:
            part, way = way_of(s, path)
            if not part:
                continue
            good = way == WAYS[part][0]
            ways[part] += s.count
            counts[WHOLE if good else CUT if way[:1] != ["<module>"] else FALSE] += s.count
            if not good:
                bad["%s: %s" % (part, " > ".join(way))] += s.count
        apart = farthest(shares(measured.folded, lambda s: way_of(s, path)[0]),
                         measured.said["spent"])
        wrong = list(labelled(ways, labels_of(runner.path("report.json"))))
        if counts[CUT] or counts[FALSE]:
            wrong.append("%d awaited otherwise" % (counts[CUT] + counts[FALSE]))
        if min(ways[part] for part in WAYS) < 20:
            wrong.append("few samples: %s" % dict(ways))
        if apart[0] > POINTS:
            wrong.append("%.1f points from the truth" % apart[0])
        table.row(python.name, "awaited", counts, apart, wrong, bad)
