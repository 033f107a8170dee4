"""From the tokens of a formula to MathML."""

from collections.abc import Collection
from html import escape

from tallystick.page.nodes import (
    THIN,
    TIGHT,
    Node,
    joined,
    row,
    unwrapped,
    with_scripts,
)
from tallystick.page.tokens import BIG, GREEK, OPERATORS, Token

__all__ = ["Parser"]

PRIME = TIGHT.format("\N{PRIME}")
SLASH = '<mo lspace="0.1em" rspace="0.1em">/</mo>'
DOT = '<mo lspace="0.1em" rspace="0.1em">·</mo>'
COMMA = '<mo lspace="0">,</mo>'
STAR = '<mo lspace="0.1em" rspace="0.1em">*</mo>'


class Parser:
    """Turns tokens into nodes; each method returns what it read and where it ended."""

    def __init__(
        self, found: list[Token], pairs: dict[int, int], names: Collection[str]
    ):
        self.found, self.pairs, self.names = found, pairs, names

    def sequence(self, start: int, end: int, *, inline: bool = False) -> list[Node]:
        """The terms between two places; `inline` fractions keep their slash."""
        nodes: list[Node] = []
        place = start
        while place < end:
            token = self.found[place]
            before = bool(nodes) and nodes[-1].kind == "operand"
            if self._starts_operand(place, end):
                node, place = self._operand(place, end)
                nodes.append(node)
            elif token.text == "/" and token.kind == "sign":
                place = self._fraction(nodes, place, end, inline=inline)
            elif token.kind == "text":
                nodes.append(Node("text", escape(token.text), token.apart))
                place += 1
            elif token.kind == "id":
                nodes.append(Node("text", self._id(token.text), token.apart))
                place += 1
            else:
                nodes.append(self._sign(place, end, before=before))
                place += 1
        return nodes

    def _starts_operand(self, place: int, end: int) -> bool:
        token = self.found[place]
        if token.kind in ("number", "letter", "greek", "function", "big"):
            return True
        if token.kind == "sign":
            return place in self.pairs or token.text == "..."
        # A word that is used as a name: a call, a script, or a denominator.
        return (
            token.kind == "text"
            and place + 1 < end
            and not self.found[place + 1].apart
            and self.found[place + 1].text in ("(", "_", "^")
        )

    def _sign(self, place: int, end: int, *, before: bool) -> Node:
        token = self.found[place]
        tight = place + 1 < end and not self.found[place + 1].apart
        if token.text in OPERATORS:
            text = escape(OPERATORS[token.text])
            after_word = place > 0 and self.found[place - 1].kind in ("text", "id")
            signed = token.apart and tight  # As in "v or -v".
            form = "infix" if before or (after_word and not signed) else "prefix"
            return Node("operator", f'<mo form="{form}">{text}</mo>', token.apart)
        if token.text == "." and token.apart and not tight:
            return Node("operator", '<mo form="infix">·</mo>', token.apart)
        if token.text == "*":
            return Node("mark", STAR, token.apart)
        return Node("mark", f"<mo>{escape(token.text)}</mo>", token.apart, token.text)

    def _id(self, name: str) -> str:
        code = f"<code>{escape(name)}</code>"
        link = f'<a href="#{escape(name)}">{code}</a>'
        return link if name in self.names else code

    def _fraction(
        self, nodes: list[Node], place: int, end: int, *, inline: bool
    ) -> int:
        """Read a slash and what is below it; take what is above from the nodes."""
        slash = self.found[place]
        above = len(nodes)
        while above and nodes[above - 1].kind == "operand":
            above -= 1
        top = nodes[above:]
        if inline or not top or place + 1 >= end:
            nodes.append(Node("mark", SLASH, slash.apart))
            return place + 1
        if self._starts_operand(place + 1, end):
            bottom, place = self._denominator(place + 1, end)
        elif self.found[place + 1].kind == "text":
            word = escape(self.found[place + 1].text)
            bottom, place = [Node("operand", f"<mi>{word}</mi>")], place + 2
        else:
            nodes.append(Node("mark", "<mo>/</mo>", slash.apart))
            return place + 1
        del nodes[above:]
        upper, lower = unwrapped(top), unwrapped(bottom)
        xml = f"<mfrac>{upper}{lower}</mfrac>"
        # The fraction of d/dt acts on what follows and belongs to no numerator.
        derivative = upper == "<mi>d</mi>"
        kind = "big" if derivative else "operand"
        nodes.append(Node(kind, xml, top[0].apart))
        return place

    def _denominator(self, place: int, end: int) -> tuple[list[Node], int]:
        """One operand, and what is written closely behind it, as in `dW` and `f(x)`."""
        first, after = self._operand(place, end)
        nodes = [first]
        differential = self.found[place].text == "d" and after == place + 1
        while after < end and self._starts_operand(after, end):
            token = self.found[after]
            close = not token.apart and token.kind in ("letter", "greek")
            call = not token.apart and token.text in ("(", "[") and not first.inner
            if not (close or call or (differential and token.kind == "function")):
                break
            node, after = self._operand(after, end)
            nodes.append(node)
        return nodes, after

    def _operand(self, place: int, end: int) -> tuple[Node, int]:
        """An atom with its scripts, or several with dots between them as in `w.x`."""
        node, place = self._scripted(place, end)
        parts = [node.xml]
        while (
            place + 1 < end
            and self.found[place].text == "."
            and not self.found[place].apart
            and not self.found[place + 1].apart
            and self.found[place + 1].kind in ("letter", "greek")
        ):
            other, place = self._scripted(place + 1, end)
            parts.append(other.xml)
        if len(parts) > 1:
            return Node("operand", row(DOT.join(parts)), node.apart), place
        return node, place

    def _scripted(self, place: int, end: int) -> tuple[Node, int]:
        first = self.found[place]
        atom, place = self._atom(place)
        low, high, place = self._scripts(first, place, end)
        xml = with_scripts(atom.xml, low, high, limits=atom.kind == "big")
        if first.kind == "function":
            return self._call(first, xml, place, end)
        plain = not (low or high)
        inner = atom.inner if plain else ""
        return Node(atom.kind, xml, first.apart, inner, atom.thin), place

    def _atom(self, place: int) -> tuple[Node, int]:
        token = self.found[place]
        text = escape(token.text)
        if place in self.pairs:
            return self._group(place), self.pairs[place] + 1
        if token.text == "...":
            return Node("operand", "<mo>…</mo>"), place + 1
        if token.kind == "number":
            node = Node("operand", f"<mn>{text}</mn>", thin=(True, False))
        elif token.kind == "greek":
            sign = GREEK[token.text]
            upright = "" if sign.islower() else ' mathvariant="normal"'
            node = Node("operand", f"<mi{upright}>{sign}</mi>")
        elif token.kind == "big":
            sign = BIG[token.text]
            word = sign.isascii()
            xml = f"<mi>{sign}</mi>" if word else f"<mo>{sign}</mo>"
            node = Node("big", xml, thin=(word, word))
        elif token.text == "E":
            xml = '<mi mathvariant="normal">E</mi>'
            node = Node("operand", xml, thin=(True, True))
        else:
            node = Node("operand", f"<mi>{text}</mi>")
        return node, place + 1

    def _group(self, place: int) -> Node:
        end = self.pairs[place]
        nodes = self.sequence(place + 1, end)
        opening = self.found[place].text
        left = "⟨" if opening == "<" else opening
        right = "⟩" if opening == "<" else self.found[end].text
        inner = joined(nodes)
        fence = "<mrow><mo{0}>{1}</mo>{2}<mo{3}>{4}</mo></mrow>"
        marks = ("", "")
        if opening == "|":
            marks = (' form="prefix" fence="true"', ' form="postfix" fence="true"')
        xml = fence.format(marks[0], left, inner, marks[1], right)
        listed = any(node.inner in (",", ";") for node in nodes if node.kind == "mark")
        dropped = opening in ("(", "[") and not listed
        return Node("operand", xml, inner=inner if dropped else "")

    def _scripts(self, first: Token, place: int, end: int):
        """What stands below and above an atom, until white space."""
        low: list[str] = []
        high: list[str] = []
        while place < end and not self.found[place].apart:
            token = self.found[place]
            if token.kind == "number" and first.kind == "letter" and not (low or high):
                low.append(f"<mn>{token.text}</mn>")  # W3 is the third of the W.
                place += 1
            elif token.kind != "sign":
                break
            elif token.text == "_" and place + 1 < end:
                script, place = self._script(place + 1, end, listed=first.text == "E")
                low += [COMMA, script] if low else [script]  # W3_k: an entry of W3.
            elif token.text in ("^", "**") and place + 1 < end:
                script, place = self._script(place + 1, end)
                high.append(script)
            elif token.text == "'":
                # Of a second prime, behind a subscript, as in Sigma'_h'.
                below = bool(low) and PRIME in high
                (low if below else high).append(PRIME)
                place += 1
            elif token.text in ("+", "-") and self._one_sided(first, place, end):
                high.append(TIGHT.format(OPERATORS[token.text]))  # t -> 0+
                place += 1
            elif token.text in ("!", "!!"):
                # A factorial may be raised to a power: it is part of the base.
                high.append("!" * len(token.text))
                place += 1
            elif token.text == "*" and first.kind in ("letter", "greek"):
                if place + 1 < end and self._product_follows(place + 1):
                    break
                high.append(TIGHT.format("*"))
                place += 1
            else:
                break
        return low, high, place

    def _one_sided(self, first: Token, place: int, end: int) -> bool:
        """Whether a sign behind a number says from which side it is neared."""
        after = self.found[place + 1] if place + 1 < end else None
        ends = after is None or (not after.apart and after.text in tuple(",:;)]"))
        return first.kind == "number" and ends

    def _product_follows(self, place: int) -> bool:
        after = self.found[place]
        operand = after.kind in ("letter", "greek", "number", "function", "text")
        return not after.apart and (operand or after.text in ("(", "["))

    def _script(self, place: int, end: int, *, listed: bool = False):
        """One script: a bracketed term, a sign, a name, or letters in a row."""
        token = self.found[place]
        if token.text in ("(", "{") and place in self.pairs:
            close = self.pairs[place]
            nodes = self.sequence(place + 1, close, inline=True)
            return row(joined(nodes)), close + 1
        parts = []
        if token.kind == "sign" and token.text in ("+", "-", "*", "-/+", "+/-"):
            text = OPERATORS.get(token.text, "*")
            parts.append(f'<mo lspace="0" rspace="0" form="prefix">{text}</mo>')
            place += 1
            follows = place < end and not self.found[place].apart
            if token.text != "-" or not follows:
                return row("".join(parts)), place
            token = self.found[place]
            if token.text == "(" and place in self.pairs:
                group = self._group(place)
                return row(parts[0] + group.xml), self.pairs[place] + 1
        while place < end and (len(parts) == 0 or not self.found[place].apart):
            token = self.found[place]
            comma = token.text == "," and listed and place + 1 < end
            if token.kind in ("letter", "greek", "number", "function"):
                parts.append(self._atom(place)[0].xml)
            elif token.kind == "text" and not parts:
                parts.append(f"<mi>{escape(token.text)}</mi>")
            elif comma and parts and not self.found[place + 1].apart:
                parts.append(COMMA)
            else:
                break
            place += 1
        return row("".join(parts)) if parts else "<mrow></mrow>", place

    def _call(self, name: Token, xml: str, place: int, end: int) -> tuple[Node, int]:
        """A function with its argument, in brackets or not."""
        root = name.text == "sqrt"
        thin = (not root, not root)
        follows = place < end and self._starts_operand(place, end)
        if follows and self.found[place].kind not in ("function", "big", "text"):
            bracketed = not self.found[place].apart and place in self.pairs
            if bracketed:
                argument = self._group(place)
                place = self.pairs[place] + 1
                low, high, place = self._scripts(name, place, end)
                if root:
                    inside = f"<msqrt>{argument.inner or argument.xml}</msqrt>"
                    xml = with_scripts(inside, low, high)
                else:
                    xml = row(xml + with_scripts(argument.xml, low, high))
                return Node("operand", xml, name.apart, thin=(thin[0], False)), place
            argument, place = self._operand(place, end)
            xml = f"<msqrt>{argument.xml}</msqrt>" if root else xml + THIN
            xml = xml if root else row(xml + argument.xml)
        return Node("operand", xml, name.apart, thin=thin), place
