"""Runs a program and says what it took: usage.py PROGRAM [ARGUMENT]...

Prints {"seconds", "cpuSeconds", "peakKib"}: how long it took, its time on all cores, and its largest resident set, which is at
least this script's own (10 to 15 MB: the process was a copy of it before it became the program). What the program prints on
standard output goes nowhere. Ends with the program's exit code.
"""

import json
import os
import sys
import time

nowhere = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
begun = time.monotonic()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[nowhere])
_, status, usage = os.wait4(process, 0)
seconds = time.monotonic() - begun
print(json.dumps({"seconds": seconds, "cpuSeconds": usage.ru_utime + usage.ru_stime, "peakKib": usage.ru_maxrss}))
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
