# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Interpreters without a GIL. Debian has no packages of them: who has built one (configure
--disable-gil --enable-shared, with the cache's folder as its prefix) has it measured as well."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))
import kernel  # noqa: E402

NAMES = ["3.13t", "3.14t"]


def path_of(name):
    """The interpreter pythons/NAME/bin/pythonNAME of the cache; None: it is not there."""
    path = os.path.join(kernel.cache_folder(), "pythons", name, "bin", "python" + name)
    return path if os.access(path, os.X_OK) else None
