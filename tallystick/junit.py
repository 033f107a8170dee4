"""Reports as JUnit XML, which continuous integration services read and show."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tallystick.entries import Broken
from tallystick.report import Report
from tallystick.verdict import Verdict

__all__ = ["junit"]


def junit(reports: Sequence[Report], broken: Sequence[Broken] = ()) -> str:
    """One test case for each claim and for each wrong form that it must refuse.

    DISAGREE and a wrong form that agrees are failures; INVALID and a module that could
    not be read are errors; INCONCLUSIVE is skipped, with its reason.

    Args:
        reports: What the checks found.
        broken: The modules that could not be read.

    Returns:
        The document.
    """
    suite = Element("testsuite", name="tallystick")
    for report in reports:
        case = _case(suite, report.name, "agrees", report.seconds)
        if report.where:
            file, _, line = report.where.rpartition(":")
            case.set("file", file)
            case.set("line", line)
        kind = {
            Verdict.DISAGREE: "failure",
            Verdict.INVALID: "error",
            Verdict.INCONCLUSIVE: "skipped",
        }.get(report.verdict)
        if kind:
            said = report.diagnosis or report.reason
            _outcome(case, kind, f"{report.verdict}: {said}", str(report))
        else:
            SubElement(case, "system-out").text = _printable(str(report))
        for wrong in report.refusals:
            case = _case(suite, report.name, f"refuses {wrong.name}", 0.0)
            if not wrong.refused:
                message = f"the {wrong.kind} was not refused: {wrong.verdict}"
                accepted = wrong.verdict is Verdict.AGREE
                kind = "failure" if accepted else "skipped"
                _outcome(case, kind, message, wrong.reason)
    for module in broken:
        case = _case(suite, module.topic, "imports", 0.0)
        _outcome(case, "error", module.message, "")
    for name, kind in (
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        suite.set(name, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("tests", str(len(suite)))
    suite.set("time", f"{sum(report.seconds for report in reports):.3f}")
    indent(suite)
    return tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: Element, claim: str, name: str, seconds: float) -> Element:
    given = {"classname": _printable(claim), "name": _printable(name)}
    return SubElement(suite, "testcase", given, time=f"{seconds:.3f}")


def _outcome(case: Element, kind: str, message: str, text: str) -> None:
    outcome = SubElement(case, kind, message=_printable(message))
    outcome.text = _printable(text)


def _printable(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")
