"""`tallystick new`: the files of a new result, from a worked template."""

import importlib.util
import keyword
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from tallystick.errors import TallystickError

__all__ = ["write_file", "write_files"]

_WORD = r"[a-z][a-z0-9_]*"
_PLACES = {
    "analytic": "analytic/{topic}.py",
    "empirical": "empirical/{topic}.py",
    "claims": "claims/{topic}.py",
    "test": "tests/test_{topic}.py",
}
"""The templates, and where their files go."""


def write_files(root: Path, name: str) -> list[Path]:
    """Write the four files of a new topic with one worked result.

    Args:
        root: Folder that holds analytic/, empirical/, claims/ and tests/.
        name: The topic and its first result, as in "pooling.maximum_mean".

    Returns:
        The files written.

    Raises:
        TallystickError: The name is not of this form, a folder is missing, or a file
            exists: nothing is overwritten, and nothing is written then.
    """
    if not re.fullmatch(rf"{_WORD}\.{_WORD}", name):
        raise TallystickError(
            "a name must be a topic and a result in small letters, such as"
            f" pooling.maximum_mean, got {name!r}"
        )
    topic, _, result = name.partition(".")
    title = _title(topic)
    paths = {root / place.format(topic=topic): kind for kind, place in _PLACES.items()}
    for path in paths:
        if not path.parent.is_dir():
            raise TallystickError(
                f"there is no folder {path.parent}: give --root, or --here for one"
                " file of your own"
            )
        if path.exists():
            raise TallystickError(
                f"{path} exists: add the result to the topic's four files by hand"
            )
    values = {"topic": topic, "result": result, "name": name, "title": title}
    values["title_lower"] = title.lower()
    for path, kind in paths.items():
        path.write_text(_filled(kind, values))
    return list(paths)


def write_file(root: Path, name: str) -> list[Path]:
    """Write one file that holds both halves of a claim of your own.

    Args:
        root: Folder to write to.
        name: Name of the claim, as in "pooling.maximum_mean" or "maximum_mean"; its
            last part names the file.

    Returns:
        The file written.

    Raises:
        TallystickError: The name is not of this form, or the file cannot be written or
            exists: nothing is overwritten.
    """
    name = name.removesuffix(".py")
    if not re.fullmatch(rf"{_WORD}(\.{_WORD})?", name):
        raise TallystickError(
            "a name must be one or two words in small letters, such as maximum_mean or"
            f" pooling.maximum_mean, got {name!r}"
        )
    result = name.rpartition(".")[2]
    if keyword.iskeyword(result) or importlib.util.find_spec(result) is not None:
        raise TallystickError(
            f"{result}.py would hide the Python word or module {result!r}: choose"
            " another name"
        )
    path = root / f"{result}.py"
    values = {"name": name, "file": path.name, "title": _title(result)}
    try:
        with path.open("x") as file:
            file.write(_filled("here", values))
    except FileExistsError:
        raise TallystickError(f"{path} exists: it is not overwritten") from None
    except OSError as error:
        raise TallystickError(f"{path} cannot be written: {error}") from None
    return [path]


def _title(word: str) -> str:
    return word.replace("_", " ").capitalize()


def _filled(kind: str, values: Mapping[str, str]) -> str:
    text = (files("tallystick") / "templates" / f"{kind}.py.txt").read_text("utf-8")
    return Template(text).substitute(values)
