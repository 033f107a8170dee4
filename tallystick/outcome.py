"""What a run ends with: its exit code and its JSON file."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from tallystick import __version__

__all__ = ["AGREE", "DISAGREE", "INCONCLUSIVE", "INTERRUPTED", "USAGE"]
__all__ += ["exit_code", "leave", "require_writable", "write_json"]

AGREE, DISAGREE, INCONCLUSIVE, USAGE, INTERRUPTED = 0, 1, 2, 3, 130


def leave(code: int) -> NoReturn:
    """End the process though claims still run in threads that nobody waits for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def exit_code(reports: Sequence[Any], broken: Sequence[Any]) -> int:
    """What the reports amount to; see `tallystick.cli.main`."""
    from tallystick.verdict import Verdict

    verdicts = {report.verdict for report in reports}
    wrong = {r.verdict for report in reports for r in report.unrefused}
    if Verdict.DISAGREE in verdicts or Verdict.AGREE in wrong:
        return DISAGREE
    if Verdict.INVALID in verdicts or broken:
        return USAGE
    if Verdict.INCONCLUSIVE in verdicts or wrong:
        return INCONCLUSIVE
    return AGREE


def require_writable(option: str, path: Path) -> None:
    """Refuse a path that cannot be written, before anything is computed.

    Args:
        option: What was given the path, for the message.
        path: The file. If there is none yet, none is left behind.

    Raises:
        TallystickError: It cannot be.
    """
    from tallystick.errors import TallystickError

    if str(path) == "-":
        raise TallystickError(f"{option} must be a file, got {str(path)!r}")
    new = not path.exists()
    try:
        with path.open("a"):
            pass
    except OSError as error:
        raise TallystickError(f"{option} {path} cannot be written: {error}") from None
    if new:
        path.unlink()


def write_json(
    target: str, reports: Sequence[Any], broken: Sequence[Any], settings: Any
) -> None:
    """The whole run as JSON, in a file or, for "-", on standard output."""
    from dataclasses import asdict

    text = json.dumps(
        {
            "schema": 1,
            "version": __version__,
            "settings": asdict(settings),
            "reports": [report.as_dict() for report in reports],
            "broken": [asdict(module) for module in broken],
        },
        indent=2,
    )
    if target == "-":
        print(text)  # noqa: T201
    else:
        Path(target).write_text(text + "\n")
