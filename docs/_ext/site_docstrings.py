"""Docstrings are plain text with Google sections; here they become reStructuredText.

Their formulas are full of what reStructuredText takes for markup: `|x|`, `x_`, `a*b`.
All that is not between backquotes is escaped, and an indented formula is set as it is.
"""

import ast
import inspect
import re
import textwrap
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.python import PythonDomain

from empirical.montecarlo import Expectation

SECTIONS = ("Args", "Attributes", "Degenerate cases", "Raises", "Returns", "Yields")
FIELDS = {"Degenerate cases": "Degenerate cases", "Returns": "returns"}
"""Sections of plain text, and their fields: napoleon would look for types in them."""
_MARKUP = re.compile(r"[\\*|`]|_(?![A-Za-z0-9])")
_QUOTED = re.compile(r"(``[^`]+``|`[^`]+`)")
_NAME = re.compile(r"[A-Za-z_][\w.]*")


def markup(text: str) -> str:
    """Plain text as reStructuredText: what stands between backquotes is code.

    A name becomes a link if the site documents it.
    """
    parts = _QUOTED.split(text)
    return "".join(
        _code(part.strip("`")) if odd % 2 else _MARKUP.sub(r"\\\g<0>", part)
        for odd, part in enumerate(parts)
    )


def _code(text: str) -> str:
    if _NAME.fullmatch(text):
        return f":py:obj:`{text}`"
    return f"``{text}``"


def restructured(lines: list[str]) -> list[str]:
    """A docstring as reStructuredText with the Google sections that napoleon reads."""
    result: list[str] = []
    for block in _blocks(lines):
        name = block[0].removesuffix(":")
        if name in FIELDS:
            result += [f":{FIELDS[name]}:", *markup("\n".join(block[1:])).splitlines()]
        elif name in SECTIONS:
            result += [block[0], *markup("\n".join(block[1:])).splitlines()]
        elif block[0].startswith("    "):
            result += ["::", "", *block]
        else:
            result += markup("\n".join(block)).splitlines()
        result.append("")
    return result


def _blocks(lines: list[str]) -> list[list[str]]:
    """Paragraphs, displayed formulas, and whole sections."""
    blocks: list[list[str]] = []
    section = False
    fresh = True
    for line in lines:
        if section and (not line.strip() or line.startswith(" ")):
            blocks[-1].append(line)
            continue
        section = line.endswith(":") and line.removesuffix(":") in SECTIONS
        if not line.strip():
            fresh = True
            continue
        if fresh or section:
            blocks.append([])
        blocks[-1].append(line)
        fresh = False
    return blocks


def written_signature(function: Any) -> tuple[str, str] | None:
    """Parameters and result of a function, as its source has them.

    None where it has no source, or takes other parameters than that says.
    """
    try:
        names = list(inspect.signature(function).parameters)
        source = inspect.getsource(inspect.unwrap(function))
        node = ast.parse(textwrap.dedent(source)).body[0]
    except (OSError, SyntaxError, TypeError, ValueError):
        return None
    if not isinstance(node, ast.FunctionDef):
        return None
    arguments = node.args
    written = [*arguments.posonlyargs, *arguments.args, arguments.vararg]
    written += [*arguments.kwonlyargs, arguments.kwarg]
    if names != [a.arg for a in written if a and a.arg not in ("self", "cls")]:
        return None
    for kind in (arguments.posonlyargs, arguments.args):
        if kind and kind[0].arg in ("self", "cls"):
            del kind[0]
    # A shape has a leading space for the sake of linters only.
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            part.value = part.value.strip()
    if isinstance(node.returns, ast.Constant):  # A name in quotes, defined later.
        node.returns = ast.parse(str(node.returns.value), mode="eval").body
    result = ast.unparse(node.returns) if node.returns else ""
    return f"({ast.unparse(arguments)})", result


def _docstring(app, what, name, obj, options, lines: list[str]) -> None:
    lines[:] = restructured(lines)
    if isinstance(obj, Expectation) and obj.laws:
        laws = "; ".join(f"``{noise} = {law}``" for noise, law in obj.laws.items())
        lines += [f":Laws of the noise: {laws}", ""]


def _signature(app, what, name, obj, options, signature, returns):
    written = written_signature(obj) if what in ("function", "method") else None
    parts = written or (signature, returns)
    return tuple(part and part.replace("jaxlib._jax.Array", "Array") for part in parts)


def _double_quotes(app, tree: nodes.document) -> None:
    """Shapes as they are written, `Float[Array, "d"]`: Sphinx prints their `repr`."""
    for node in tree.findall(addnodes.desc_sig_literal_string):
        text = node.astext()
        if text[0] == text[-1] == "'" and '"' not in text:
            node.children = [nodes.Text(f'"{text[1:-1]}"')]


def setup(app: Sphinx) -> dict[str, bool]:
    """Before napoleon, which connects itself at 500."""
    app.connect("autodoc-process-docstring", _docstring, priority=400)
    app.connect("autodoc-process-signature", _signature)
    app.connect("doctree-read", _double_quotes)
    directive: Any = PythonDomain.directives["class"]
    for fields in directive.doc_field_types:
        if fields.name == "variable":
            fields.label = "Attributes"  # As in the docstrings.
    return {"parallel_read_safe": True, "parallel_write_safe": True}
