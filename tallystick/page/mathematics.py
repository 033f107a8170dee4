"""Statements of claims as presentation MathML, mixed with the words around it.

The statements are plain text, as in `E[(x.z)_+^n] = |x|^n c_n / pi, z ~ N(0, I)`. What
looks like mathematics becomes MathML; what does not stays text. Nothing fails: a piece
that is not understood is printed as it is.
"""

from collections.abc import Collection
from html import escape

from tallystick.page.nodes import Node, joined
from tallystick.page.parsing import Parser
from tallystick.page.tokens import partners, tokens

__all__ = ["mathml"]

DEEPEST = 40
"""Brackets within brackets; a text with more is printed as it is."""
SHORT = 60
"""Characters of the MathML of a name, with its scripts."""
_PUNCTUATION = frozenset(',;:.?"`()[]')


def mathml(text: str, names: Collection[str] = ()) -> str:
    """A statement in plain text as HTML with MathML in it.

    Args:
        text: The statement.
        names: Ids of claims that the page has a section for; they become links.

    Returns:
        HTML: words, and `<math>` elements between which a line may be broken.
    """
    found = tokens(text)
    pairs = partners(found)
    if _depth(pairs) > DEEPEST:
        return escape(text)
    # A link stands in the sentence and not in a formula, with the brackets around it.
    for start, end in list(pairs.items()):
        if any(token.kind == "id" for token in found[start:end]):
            del pairs[start]
    nodes = Parser(found, pairs, names).sequence(0, len(found))
    return _lines(nodes)


def _depth(pairs: dict[int, int]) -> int:
    """How many brackets are open at most."""
    steps = [(place, 1) for place in pairs] + [(end, -1) for end in pairs.values()]
    depth = most = 0
    for _, step in sorted(steps):
        depth += step
        most = max(most, depth)
    return most


def _may_break(term: list[Node]) -> bool:
    """Whether a line may end here: not behind an operator, nor behind a lone name."""
    if not term or term[-1].kind == "operator":
        return False
    return len(term) > 1 or len(term[0].xml) > SHORT


def _lines(nodes: list[Node]) -> str:
    """Nodes as HTML: words as they are, and a formula for each term.

    A line may be broken before an operator, but not before punctuation.
    """
    parts: list[str] = []
    term: list[Node] = []

    def close(mark: str = "") -> None:
        if term:
            space = " " if parts and term[0].apart else ""
            wide = 'form="infix"' in term[0].xml and term[0].kind == "operator"
            before = "" if wide else space
            if term[-1].kind == "operator":  # A word follows: its space is enough.
                last = term.pop()
                wider = last.xml.replace(' form="', ' rspace="0" form="')
                term.append(Node("operator", wider))
            xml = f"<math>{joined(term)}</math>"
            parts.append(before + (f"<span>{xml}{mark}</span>" if mark else xml))
            term.clear()
        else:
            parts.append(mark)

    for node in nodes:
        if node.kind == "mark" and node.inner in _PUNCTUATION:
            mark = escape(node.inner)
            close(mark) if not node.apart else (close(), close(f" {mark}"))
        elif node.kind == "text":
            close()
            parts.append((" " if node.apart and parts else "") + node.xml)
        else:
            if node.kind == "operator" and _may_break(term):
                close()
                parts.append("<wbr>")
            term.append(node)
    close()
    return "".join(parts)
