# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""shown.py FILE: what pstats prints of it, less the date and the file's name. Any Python since 2.7."""
from __future__ import print_function

import pstats
import sys

stats = pstats.Stats(sys.argv[1])
stats.files = []
stats.sort_stats("nfl")
stats.print_stats()
stats.print_callers()
stats.print_callees()
