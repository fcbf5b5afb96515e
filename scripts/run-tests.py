"""Runs a Swift Testing executable and sums up what it printed.

    run-tests.py --timeout SECONDS EXECUTABLE -- ARGUMENT...

Prints what the executable prints, less the lines that say that something starts or that a case passed; at the end the
failed tests with what they recorded, and "N passed, N failed". A crash, a test that did not end, no test at all or a
timeout counts as a failure.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

PR_SET_CHILD_SUBREAPER = 36

FINISHED = re.compile(
    r"^.{1,3}\s+Test (?P<name>.+) (?:(?P<end>passed|failed) after [0-9.]+ seconds.*|skipped(?:: .*|\.)?)$")
STARTED = re.compile(r"^.{1,3}\s+Test (?P<name>.+?) started\.$")
ISSUE = re.compile(r"^.{1,3}\s+Test (?P<name>.+?) recorded an issue(?P<what>.*)$")
# Lines that say nothing in the log of a run that went well.
ROUTINE = re.compile(r"^\S{1,3}\s+(?:(?:Test|Suite|Test case) .+ started\.|Test case .+ passed after .+)$")
# How many tests ran, in the last line: a test's own line is lost where another process's output runs into it.
TOTAL = re.compile(r"^.{1,3}\s+Test run with (?P<count>\d+) tests? ")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
CASES = re.compile(r" with \d+ test cases?$")


def main(arguments):
    separator = arguments.index("--")
    timeout, executable = float(arguments[1]), arguments[2]
    # Servers that a crashed test leaves behind become children of this process, which can then end them.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # What a crashed test leaves in its temporary directories goes with this one.
    temporary = tempfile.TemporaryDirectory(prefix="sie-tests-", ignore_cleanup_errors=True)
    process = subprocess.Popen(
        [executable, *arguments[separator + 1 :]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
        env={**os.environ, "NO_COLOR": "1", "TMPDIR": temporary.name})
    timed_out = threading.Event()

    def stop():
        timed_out.set()
        process.kill()
        end_children(besides=process.pid)

    def clean_up():
        # What is left holds the pipe open, so the reader below would wait for it.
        process.wait()
        end_children(besides=process.pid)

    timer = threading.Timer(timeout, stop)
    timer.start()
    cleaning = threading.Thread(target=clean_up, daemon=True)
    cleaning.start()
    running, passed, failed, skipped, recorded, total = {}, [], [], [], [], None
    for line in process.stdout:
        line = COLOURS.sub("", line).rstrip("\n")
        if not ROUTINE.match(line):
            print(line, flush=True)
        if match := ISSUE.match(line):
            recorded.append(f"{CASES.sub('', match['name'])}{match['what']}")
        if match := TOTAL.match(line):
            total = int(match["count"])
        if match := STARTED.match(line) or FINISHED.match(line):
            name = CASES.sub("", match["name"])
            if name == "run" or name.startswith(("run with ", "case passing ")):
                continue
            if "end" not in match.re.groupindex:
                running[name] = True
                continue
            running.pop(name, None)
            {"passed": passed, "failed": failed, None: skipped}[match["end"]].append(name)
    code = process.wait()
    timer.cancel()
    cleaning.join()
    temporary.cleanup()

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
    for issue in recorded:
        print(f"ISSUE {issue}")
    for problem in problems:
        print(f"FAILED {problem}")
    for name in skipped:
        print(f"SKIPPED {name}")
    count = len(passed) if total is None else total - len(failed) - len(skipped)
    print(f"{count} passed, {len(problems)} failed")
    return 1 if problems else 0


def end_children(besides):
    """Kills this process's children, and what becomes its child by that, until there is none."""
    while children := [child for child in children_of(os.getpid()) if child != besides]:
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def children_of(parent):
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat") as file:
                if entry.isdigit() and int(file.read().rpartition(")")[2].split()[1]) == parent:
                    yield int(entry)
        except OSError:
            pass


sys.exit(main(sys.argv[1:]))
