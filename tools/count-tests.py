#!/usr/bin/env python3
"""Counts the single test cases of a `meson test` run.

usage: count-tests.py MESON-STATUS TESTLOG.json...

A log holds one JSON object per test program, with what it printed: TAP, one
line per case, or nothing of interest, and then the program is one case. Ends
with `N passed, N failed`; exits 1 if anything failed, if meson itself did, or
if nothing ran.
"""
import json
import re
import sys

PLAN = re.compile(r"^1\.\.\d+", re.MULTILINE)
CASE = re.compile(r"^(not )?ok\b *(.*)$", re.MULTILINE)
FINE = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}


def cases(entry):
    """Yields (outcome, name) of each case of one program."""
    result, out = entry["result"], entry["stdout"]
    verdict = FINE.get(result, "failed")
    if not PLAN.search(out):
        yield verdict, result
        return
    failed = False
    for bad, name in CASE.findall(out):
        skipped = "# skip" in name.lower()
        failed = failed or bool(bad)
        yield "failed" if bad else "skipped" if skipped else "passed", name
    # One that crashed or ran out of time counts even where every case that it
    # got round to reporting had passed.
    if verdict == "failed" and not failed:
        yield "failed", f"the program as a whole ({result})"


def main():
    status, paths = int(sys.argv[1]), sys.argv[2:]
    count = {"passed": 0, "failed": 0, "skipped": 0}
    entries = []
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                entries += [json.loads(line) for line in file]
        except (OSError, ValueError) as error:
            print(f"no results: {error}")
    for entry in entries:
        for outcome, name in cases(entry):
            count[outcome] += 1
            if outcome == "failed":
                print(f"failed: {entry['name']}: {name}")
    if count["failed"] == 0 and (status != 0 or count["passed"] == 0):
        print(f"meson test ended with status {status}")
        count["failed"] += 1

    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}")
    return 1 if count["failed"] else 0


sys.exit(main())
