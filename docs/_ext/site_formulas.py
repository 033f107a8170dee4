"""LaTeX formulas of the notebooks as MathML: no script, and nothing to download."""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

_LOGGER = logging.getLogger(__name__)
_SPELLINGS = (
    (r"\\(bigg?|Bigg?)\s*(?=[(\[]|\\[{lL])", r"\\\1l "),
    (r"\\(bigg?|Bigg?)(?![A-Za-z])", r"\\\1r "),
    (r"\\([dt]?frac)\s*(\w)\s*(\w)", r"\\\1{\2}{\3}"),
    (r"\\dots(?![A-Za-z])", r"\\ldots"),
    (r"\\(text|display)style(?![A-Za-z])", ""),
)
"""Spellings that TeX knows and docutils does not, and how docutils has them."""


def mathematics(text: str, *, block: bool) -> str:
    """LaTeX as MathML.

    Raises:
        MathError: A command is not known.
    """
    for spelling, known in _SPELLINGS:
        text = re.sub(spelling, known, text)
    if block and r"\\" in text and r"\begin" not in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    return tex2mathml(text, as_block=block)


def _formula(writer, node: nodes.math | nodes.math_block, block: bool) -> None:
    try:
        xml = mathematics(node.astext(), block=block)
    except Exception as error:
        _LOGGER.warning("formula not understood: %s", error, location=node)
        xml = f"<code>{writer.encode(node.astext())}</code>"
    writer.body.append(f'<div class="formula">{xml}</div>' if block else xml)
    raise nodes.SkipNode


def _inline(writer, node: nodes.math) -> None:
    _formula(writer, node, block=False)


def _display(writer, node: nodes.math_block) -> None:
    _formula(writer, node, block=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """A renderer by the name of `mathml`."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
