"""Figures as SVG for a page: small, deterministic, readable on light and on dark."""

import hashlib
import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["svg"]

Element = ElementTree.Element
BLACK = "#000000"
PLACES = 1
"""Decimals of a coordinate, in points."""
MARKER_PLACES = 2
"""Decimals inside a marker."""
_NUMBER = re.compile(r"-?\d*\.\d+(?:e-?\d+)?")
_SPACE = re.compile(r"\s*([MLQCZz])\s*")
_NO_TURN = re.compile(r"rotate\(-?0 [^)]*\)")
_DROPPED = ("metadata", "style")
_FONTS = re.compile(r"('DejaVu Sans( \w+)?'|sans-serif)(, ?sans-serif)?")


def svg(figure: "Figure") -> str:
    """A figure as one <svg> element, to be set into a page.

    Text stays text, in the reader's sans-serif font; what is black takes the colour of
    the text around it; the background is transparent. The same figure always gives the
    same characters. The figure's label names it.
    """
    import matplotlib

    from tallystick.figures.drawing import STYLE

    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    file = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": "tallystick"}):
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue()
    root = ElementTree.fromstring(text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {
            name.rpartition("}")[2]: value for name, value in element.items()
        }
    _cleaned(root)
    _shared_styles(root)
    _renamed(root, hashlib.sha256(text.encode()).hexdigest()[:6])
    return _with_head(root, str(figure.get_label()))


def _with_head(root: Element, label: str) -> str:
    """The element as text, with what concerns all of it at its start."""
    width, height = (float(n) for n in root.attrib["viewBox"].split()[2:])
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {width:g} {height:g}",
        "width": f"{width:g}pt",
        "role": "img",
        "aria-label": label,
        "fill": "currentColor",
        "font-family": "sans-serif",
        "style": "max-width:100%;height:auto;stroke-linejoin:round",
    }
    return ElementTree.tostring(root, encoding="unicode")


def _cleaned(element: Element) -> None:
    """Drop what shows nothing, and shorten the rest, from the leaves up."""
    for child in list(element):
        _cleaned(child)
        place = list(element).index(child)
        if child.tag in _DROPPED or _is_empty(child):
            element.remove(child)
        elif child.tag == "g" and not child.attrib:
            # A group that says nothing is its members.
            element.remove(child)
            for number, member in enumerate(child):
                element.insert(place + number, member)
    if not (element.text or "").strip():
        element.text = None
    element.tail = None
    kept = {}
    for name, value in element.items():
        if name == "id" and element.tag == "g":
            continue
        if name == "style":
            value = _style(value)
        elif name == "transform":
            value = _NO_TURN.sub("", value).strip()
        places = MARKER_PLACES if name == "d" and "id" in element.attrib else PLACES
        if name == "d" and places == PLACES:
            value = _path(value)
        elif name in ("d", "x", "y", "width", "height", "transform"):
            value = _rounded(value, places)
        if value:
            kept[name] = value
    element.attrib = kept


def _is_empty(element: Element) -> bool:
    """Whether an element draws nothing: an empty group, or a path without colour."""
    if element.tag in ("g", "defs"):
        return not len(element)
    return element.tag == "path" and element.get("style") == "fill:none"


def _style(text: str) -> str:
    """A style without spaces and fonts, black as the colour of the text around it."""
    pieces = []
    for piece in text.split(";"):
        name, _, value = (part.strip() for part in piece.partition(":"))
        if name == "font":  # As in "italic 9px 'DejaVu Sans'".
            value = _FONTS.sub("sans-serif", value)
        if not name or name == "font-family":
            continue
        pieces.append(f"{name}:{value.replace(BLACK, 'currentColor')}")
    return ";".join(pieces)


def _rounded(text: str, places: int) -> str:
    """Coordinates with few decimals, and no more space than they need."""
    text = _NUMBER.sub(lambda m: _short(float(m[0]), places), text)
    return _SPACE.sub(r"\1", text).strip()


def _path(text: str) -> str:
    """A path of straight lines in tenths of a point, each step from the one before."""
    if set(re.findall("[A-Za-z]", text)) - {"M", "L", "z"}:
        return _rounded(text, PLACES)
    at, drawn, open_line = (0, 0), [], False
    for kind, *point in re.findall(r"([MLz])\s*(\S*)[ ]?(\S*)", text):
        if kind == "z":
            drawn.append("z")
            open_line = False
            continue
        place = round(float(point[0]) * 10), round(float(point[1]) * 10)
        step = place[0] - at[0], place[1] - at[1]
        x, y = (_short(n / 10, 1) for n in (place if kind == "M" else step))
        lead = "M" if kind == "M" else "" if open_line else "l"
        open_line = kind == "L"
        # A minus separates as a space does.
        first = " " if kind == "L" and not lead and not x.startswith("-") else ""
        drawn.append(f"{lead}{first}{x}{'' if y.startswith('-') else ' '}{y}")
        at = place
    return "".join(drawn)


def _short(value: float, places: int) -> str:
    text = f"{value:.{places}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _shared_styles(root: Element) -> None:
    """Give a marker the style of its copies, if that is one: it is written once."""
    marks = {e.get("id"): e for e in root.iter("path") if e.get("id")}
    uses: dict[str, list[Element]] = {}
    for use in root.iter("use"):
        uses.setdefault(use.attrib["href"][1:], []).append(use)
    for name, copies in uses.items():
        styles = {copy.get("style", "") for copy in copies}
        if len(styles) == 1 and name in marks:
            own = _parts(marks[name].get("style", ""))
            # What a path says itself wins over what its copies say.
            every = {**_parts(styles.pop()), **own}
            marks[name].set("style", ";".join(f"{n}:{v}" for n, v in every.items()))
            for copy in copies:
                copy.attrib.pop("style", None)


def _parts(style: str) -> dict[str, str]:
    pairs = (piece.partition(":") for piece in style.split(";") if piece)
    return {name: value for name, _, value in pairs}


def _renamed(root: Element, stem: str) -> None:
    """Short names that no other figure of a page has."""
    names = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    new = {name: f"f{stem}{number}" for number, name in enumerate(dict.fromkeys(names))}
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", new[element.attrib["id"]])
        if "href" in element.attrib:
            element.set("href", "#" + new[element.attrib["href"][1:]])
        clip = element.get("clip-path")
        if clip:
            element.set("clip-path", f"url(#{new[clip[5:-1]]})")
