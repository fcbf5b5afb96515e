"""Runs a Swift Testing executable and sums up what it printed.

    run-tests.py --timeout SECONDS EXECUTABLE -- ARGUMENT...

Prints everything the executable prints, the failed tests once more, and at the end "N passed, N failed". A crash, a
test that did not end, no test at all or a timeout counts as a failure.
"""

import os
import re
import signal
import subprocess
import sys
import threading

FINISHED = re.compile(r"^.{1,3}\s+Test (?P<name>.+?) (?P<end>passed|failed|skipped)(?: after|:|\.|$)")
STARTED = re.compile(r"^.{1,3}\s+Test (?P<name>.+?) started\.$")
CASES = re.compile(r" with \d+ test cases?$")


def main(arguments):
    separator = arguments.index("--")
    timeout, executable = float(arguments[1]), arguments[2]
    # A group of its own, so that a timeout also ends the servers that tests have started.
    process = subprocess.Popen(
        [executable, *arguments[separator + 1 :]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True)
    timed_out = threading.Event()

    def stop():
        timed_out.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(timeout, stop)
    timer.start()
    running, passed, failed, skipped = {}, [], [], []
    for line in process.stdout:
        print(line, end="", flush=True)
        if match := STARTED.match(line.rstrip("\n")):
            running[match["name"]] = True
        elif match := FINISHED.match(line):
            name = CASES.sub("", match["name"])
            if name.startswith(("run with ", "case passing ")):
                continue
            running.pop(name, None)
            {"passed": passed, "failed": failed, "skipped": skipped}[match["end"]].append(name)
    code = process.wait()
    timer.cancel()

    problems = [f"{name}: failed" for name in failed]
    if timed_out.is_set():
        problems.append(f"the tests did not end within {timeout:.0f} s")
    elif code < 0:
        problems.append(f"the test process was ended by {signal.Signals(-code).name}")
    elif code != 0 and not failed:
        problems.append(f"the test process ended with exit code {code}")
    if timed_out.is_set() or code < 0:
        problems += [f"{name}: did not end" for name in running]
    if not passed and not problems:
        problems.append("no test ran")

    print()
    for problem in problems:
        print(f"FAILED {problem}")
    for name in skipped:
        print(f"SKIPPED {name}")
    print(f"{len(passed)} passed, {len(problems)} failed")
    return 1 if problems else 0


sys.exit(main(sys.argv[1:]))
