"""Pieces of MathML, and how they are put together."""

import re
from dataclasses import dataclass

__all__ = ["THIN", "TIGHT", "Node", "joined", "row", "unwrapped", "with_scripts"]

TIGHT = '<mo lspace="0" rspace="0">{}</mo>'
"""A sign without space around it."""
_TAG = re.compile(r"<(/?)\w+[^>]*?(/?)>")
_CLOSE = ("operand", "big")
THIN = '<mspace width="0.17em"/>'


@dataclass(frozen=True)
class Node:
    """A piece of the output.

    Attributes:
        kind: "operand", "big" (reaches to the right), "operator", "mark" or "text".
        xml: The MathML, or the text.
        apart: Whether white space stands before it.
        inner: Of a bracketed term without commas: what is inside.
        thin: Whether an operand before, or after it, is kept at a distance.
    """

    kind: str
    xml: str
    apart: bool = False
    inner: str = ""
    thin: tuple[bool, bool] = (False, False)


def with_scripts(base: str, low, high, *, limits: bool = False) -> str:
    """A base with what stands below and above it."""
    while high and high[0] in ("!", "!!"):
        base = row(base + TIGHT.format(high[0]))
        high = high[1:]
    high = [f"<mo>{part}</mo>" if part in ("!", "!!") else part for part in high]
    under, over = row("".join(low)), row("".join(high))
    kind = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
    if low and high:
        return f"<{kind[2]}>{base}{under}{over}</{kind[2]}>"
    if low:
        return f"<{kind[0]}>{base}{under}</{kind[0]}>"
    return f"<{kind[1]}>{base}{over}</{kind[1]}>" if high else base


def row(xml: str) -> str:
    """Pieces as one element, where they are not one yet."""
    depth = 0
    for tag in _TAG.finditer(xml):
        depth += 0 if tag[2] else -1 if tag[1] else 1
        if depth == 0:
            return xml if tag.end() == len(xml) else f"<mrow>{xml}</mrow>"
    return f"<mrow>{xml}</mrow>"


def unwrapped(nodes: list[Node]) -> str:
    """A numerator or a denominator; brackets around the whole are not needed."""
    if len(nodes) == 1:
        return row(nodes[0].inner) if nodes[0].inner else nodes[0].xml
    return row(joined(nodes))


def joined(nodes: list[Node]) -> str:
    """Nodes in one formula; words are set as text, with the spaces around them."""
    parts = []
    for before, node in zip([None, *nodes], nodes, strict=False):
        if before and node.apart and "text" in (before.kind, node.kind):
            if "operator" not in (before.kind, node.kind):
                parts.append("<mtext>\N{NO-BREAK SPACE}</mtext>")
        elif before and before.kind in _CLOSE and node.kind in _CLOSE:
            apart = before.thin[1] and node.apart
            parts.append(THIN if apart or node.thin[0] else "")
        word = node.kind == "text"
        parts.append(f"<mtext>{node.xml}</mtext>" if word else node.xml)
    return "".join(parts)
