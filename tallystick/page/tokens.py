"""A formula in plain text as tokens, and which brackets belong together."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import zip_longest

__all__ = ["BIG", "FUNCTIONS", "GREEK", "OPERATORS", "Token", "partners", "tokens"]

_LETTERS = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi
pi rho sigma tau phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"""


def _letter(name: str) -> str:
    case = "CAPITAL" if name[0].isupper() else "SMALL"
    # Unicode spells it so.
    spelled = name.upper().replace("LAMBDA", "LAMDA")
    return unicodedata.lookup(f"GREEK {case} LETTER {spelled}")


GREEK = {name: _letter(name) for name in _LETTERS.split()}
GREEK |= {"eps": GREEK["epsilon"], "grad": "∇", "infinity": "∞"}
"""Names that stand for one sign."""
_UPRIGHT = """sin cos tan cot sec arcsin arccos arctan sinh cosh tanh exp log ln erf
erfc relu elu gelu sgn tr det diag vec Var Cov sqrt"""
FUNCTIONS = frozenset(_UPRIGHT.split())
"""Names set upright that may take an argument without brackets."""
BIG = {"sum": "∑", "prod": "∏", "min": "min", "max": "max", "lim": "lim"}
BIG |= {"argmin": "argmin", "argmax": "argmax", "sup": "sup", "inf": "inf"}
"""Operators that reach to the right; nothing to their left joins a numerator."""
OPERATORS = {
    "+": "+",
    "-": "\N{MINUS SIGN}",
    "+/-": "±",
    "-/+": "∓",
    "=": "=",
    "==": "=",
    ":=": "≔",
    "<": "<",
    ">": ">",
    "<=": "≤",
    ">=": "≥",
    "!=": "≠",
    "~": "\N{TILDE OPERATOR}",
    "~=": "≈",
    "->": "→",
    "<-": "←",
    "<->": "↔",
    "=>": "⇒",
    "<<": "≪",
    ">>": "≫",
}
"""Signs between terms, and how they are printed."""
_SHORT = "an as at be by do if in is it no of on or so to up us we vs st nd rd th"
_PROSE = frozenset(_SHORT.split())
"""Words of two letters that are no products."""
_AFTER_NAME = frozenset(("are", "as", "for", "in", "is", "of", "the", "with"))
"""Words before which a lone `a` is a name and no article."""
_LAWS = frozenset(("function", "distribution", "law"))
"""Words before which a Greek name stays a word."""
_PARTS = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>\d+(?:\.\d+)*(?:e[+-]?\d+(?!\w|\.\d))?)
    |(?P<id>[A-Za-z][A-Za-z0-9]+(?:\.[a-z][A-Za-z0-9_]+)+)
    |(?P<word>[^\W\d_]+)
    |(?P<sign><->|-/\+|\+/-|\.\.\.|<=|>=|!=|==|->|<-|=>|:=|~=|<<|>>|\*\*|!!|.)""",
    re.VERBOSE,
)
_HYPHENATED = re.compile(r"(?:-[^\W\d_]{2,})+")


@dataclass(frozen=True)
class Token:
    """A piece of a formula.

    Attributes:
        kind: "number", "letter", "greek", "function", "big", "sign", "text" or "id".
        text: As it is written.
        apart: Whether white space stands before it.
    """

    kind: str
    text: str
    apart: bool = False

    @property
    def ends_operand(self) -> bool:
        """Whether a sign after it stands between two operands."""
        return self.kind != "sign" or self.text in (*")]}|'!", "!!", "...", ">")

    @property
    def is_script(self) -> bool:
        """Whether a sign closely behind it is a script."""
        return self.kind == "sign" and self.text in ("_", "^")


def tokens(text: str) -> list[Token]:
    """The pieces of a text; names become signs, unknown words stay words."""
    found: list[Token] = []
    position, apart = 0, False
    while position < len(text):
        match = _PARTS.match(text, position)
        if match is None:  # A control character, say.
            kind, part, position = "sign", text[position], position + 1
        else:
            kind, part = match.lastgroup or "sign", match.group()
            position = match.end()
        if kind == "space":
            apart = True
            continue
        if kind == "word":
            pieces, position = _word(text, part, position, found, apart)
        else:
            pieces = [(kind, part)]
        for index, (each, value) in enumerate(pieces):
            found.append(Token(each, value, apart and index == 0))
        apart = False
    return _words(found)


def _word(text, word, position, found, apart):
    """What a run of letters is: a name, a word of a sentence, or a product."""
    known = _known(word)
    if known:
        return [(known, word)], position
    after = text[position : position + 1]
    if len(word) == 1:
        return [("letter", word)], position
    subscript = bool(found) and found[-1].text == "_" and not apart
    follows = bool(found) and found[-1].kind == "number" and not apart
    if word[0] == "d" and word[1:] in GREEK:
        return [("letter", "d"), ("greek", word[1:])], position
    if word not in _PROSE and (
        subscript or len(word) == 2 or (follows and len(word) <= 3)
    ):
        return [("letter", letter) for letter in word], position
    # A word: with its digits, further parts, and an apostrophe.
    match = _HYPHENATED.match(text, position)
    if match and not any(_known(p) for p in match.group()[1:].split("-")):
        word, position = word + match.group(), match.end()
    match = re.compile(r"\d+|(?:_[^\W\d_]{2,})+|'s?(?![\w(])").match(text, position)
    if match and after != "(":
        word, position = word + match.group(), match.end()
    return [("text", word)], position


def _known(word: str) -> str:
    if word in GREEK:
        return "greek"
    if word in BIG:
        return "big"
    return "function" if word in FUNCTIONS else ""


def _words(found: list[Token]) -> list[Token]:
    """The same tokens; a word where one follows, as in "a normal pair"."""
    pairs = zip_longest(found, found[1:])
    return [
        Token("text", token.text, token.apart)
        if after is not None
        and after.kind == "text"
        and after.apart
        and (
            (token.text == "a" and after.text not in _AFTER_NAME)
            or (token.kind == "greek" and after.text in _LAWS)
            or (token.text in ("sum", "prod") and after.text in _PROSE | {"over"})
        )
        else token
        for token, after in pairs
    ]


def _operand_before(found: list[Token], place: int) -> bool:
    """Whether an operand ends before a place, as also `w*` and `u_+` do."""
    if not place:
        return False
    last = found[place - 1]
    if last.ends_operand:
        return True
    tight = place > 1 and last.kind == "sign" and not last.apart
    if not tight or last.text not in ("*", "+", "-"):
        return False
    before = found[place - 2]
    star = last.text == "*" and before.kind in ("letter", "greek")
    return star or before.is_script


def partners(found: list[Token]) -> dict[int, int]:
    """The place of the closing bracket for that of each opening one that has one.

    A bar closes if one is open and an operand precedes; `<` opens where no operand
    precedes.
    """
    pairs: dict[int, int] = {}
    open_: list[int] = []
    for place, token in enumerate(found):
        if token.kind != "sign":
            continue
        before = _operand_before(found, place)
        top = found[open_[-1]].text if open_ else ""
        if token.text in ("(", "[", "{") or (token.text == "<" and not before):
            open_.append(place)
        elif token.text == "|":
            if top == "|" and before:
                pairs[open_.pop()] = place
            else:
                open_.append(place)
        elif token.text == ">" and top == "<":
            pairs[open_.pop()] = place
        elif token.text in (")", "]", "}"):
            wanted = ("{",) if token.text == "}" else ("(", "[")
            for depth in range(len(open_) - 1, -1, -1):
                if found[open_[depth]].text in wanted:
                    pairs[open_[depth]] = place
                    del open_[depth:]
                    break
    return pairs
