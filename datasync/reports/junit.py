"""A result in, JUnit XML out, for CI systems: one test case per check."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from datasync.results.model import RunResult
from datasync.results.words import check_line, promise_line

COUNTED = ("tests", "failures", "errors", "skipped")
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def junit(*results: RunResult) -> str:
    """Write each run as one JUnit test suite; several in one document.

    A warned check passes, with its words in `system-out`; an unevaluated one is an error; a broken run adds a case of its own.
    """
    suites = [_suite(result) for result in results]
    if len(suites) == 1:
        return HEAD + tostring(suites[0], encoding="unicode") + "\n"
    whole = Element("testsuites", {name: str(sum(int(suite.get(name, "0")) for suite in suites)) for name in COUNTED})
    whole.extend(suites)
    return HEAD + tostring(whole, encoding="unicode") + "\n"


def _suite(result: RunResult) -> Element:
    failures = sum(1 for check in result.checks if check.status == "failed")
    errors = sum(1 for check in result.checks if check.status == "error") + (result.error is not None)
    suite = Element(
        "testsuite",
        name=result.contract,
        tests=str(len(result.checks) + (result.error is not None)),
        failures=str(failures),
        errors=str(errors),
        skipped=str(sum(1 for check in result.checks if check.status == "skipped")),
        time=f"{result.seconds:.3f}",
        timestamp=result.started_at.isoformat(),
    )
    for check in result.checks:
        case = SubElement(suite, "testcase", classname=f"{result.contract}.{check.gate}", name=check.name)
        words = f"{check_line(check)}; promised: {promise_line(check)}"
        if check.status == "failed":
            SubElement(case, "failure", message=words)
        elif check.status == "error":
            SubElement(case, "error", message=words)
        elif check.status == "skipped":
            SubElement(case, "skipped", message=check_line(check))
        elif check.status == "warned":
            SubElement(case, "system-out").text = f"warned: {words}"
    if result.error is not None:
        case = SubElement(suite, "testcase", classname=result.contract, name=f"run.{result.error.stage or 'start'}")
        SubElement(case, "error", message=f"{result.error.code} {result.error.message}")
    return suite
