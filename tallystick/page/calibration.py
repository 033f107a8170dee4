"""Pictures of the verdict itself: how often it errs, and what it notices.

The numbers were measured once, by `python -m benchmarks.verdict`, and come with the
package; docs/verdict.md has all of them.
"""

import json
from html import escape
from importlib.resources import files

from tallystick.levels import false_alarm_bound
from tallystick.page.chart import Curve, chart

__all__ = ["calibration"]

# The names of the lines, and where they stand, free of the lines.
_MARKS = {
    "0.0": {
        "tallystick": ("tallystick", (6e7, 0.04), "end"),
        "allclose": ("allclose(rtol=1e-2)", (3e4, 0.66), "start"),
        "retried": ("best of 3 tries", (300, 0.45), "start"),
        "3 sigma": ("3 standard errors", (6e7, 0.13), "end"),
    },
    "0.01": {
        "tallystick": ("tallystick", (6.5e7, 0.2), "end"),
        "allclose": ("allclose(rtol=1e-2)", (2.2e3, 0.92), "start"),
        "retried": ("best of 3 tries", (300, 0.45), "start"),
        "3 sigma": ("3 standard errors", (4e4, 0.06), "end"),
    },
}
_SAID = {"0.0": "a true formula", "0.01": "a formula 1 % too large"}


def calibration() -> str:
    """The section that says how far a verdict can be trusted."""
    text = files("tallystick.page").joinpath("calibration.json").read_text("utf-8")
    found = json.loads(text)
    null, raised = found["null"], found["raised"]
    low, high = raised["interval"]
    pictures = [_characteristic(found["characteristic"])]
    pictures += [_refused(found["refused"], error) for error in _SAID]
    return (
        '<section id="verdict" aria-labelledby="verdict-title">'
        '<h2 id="verdict-title">The verdict, and how often it errs</h2>'
        f"<p>A check of a true claim says DISAGREE with probability below"
        f" {false_alarm_bound():.1e}. Measured: {null['disagree']} times in"
        f" {null['runs']:,} checks of true formulas, so below {null['below']:.1e} with"
        " 95 % confidence. With all levels raised so that false alarms can be counted,"
        f" they came {raised['ratio']:.2f} times as often as the levels say ({low:.2f}"
        f" to {high:.2f}), in {raised['runs']:,} checks.</p>"
        f'<div class="charts">{"".join(pictures)}</div></section>'
    )


def _characteristic(found: dict) -> str:
    marks = {"AGREE": ((0.11, 0.9), "start"), "DISAGREE": ((9.5, 0.9), "end")}
    marks["INCONCLUSIVE"] = ((9.5, 0.05), "end")
    curves = [
        Curve(name, found["shares"][name], *place) for name, place in marks.items()
    ]
    picture = chart(
        [100 * error for error in found["errors"]],
        curves,
        title="Share of each verdict against the error of the formula",
        across="error of the formula, % of the mean",
        upwards="share of checks",
        ticks=[(0.1, "0.1"), (0.3, "0.3"), (1, "1"), (3, "3"), (10, "10")],
        line=(1, "tolerance"),
    )
    return _figure(
        picture,
        f"What is said of a formula that is off: {found['runs']} checks for each error,"
        f" {found['law']} draws, at the default tolerance of 1 %. In between either may"
        " be said: the formula is wrong, but by less than was asked for.",
    )


def _refused(found: dict, error: str) -> str:
    rates = found["errors"][error]
    curves = [
        Curve(label, rates[name], *place)
        for name, (label, *place) in _MARKS[error].items()
    ]
    picture = chart(
        found["sizes"],
        curves,
        title=f"Share of checks that refuse {_SAID[error]}, against draws",
        across="draws",
        upwards="share refused",
        ticks=[(1e3, "10³"), (1e5, "10⁵"), (1e7, "10⁷")],
    )
    wanted = "should never be" if error == "0.0" else "should always be"
    return _figure(
        picture,
        f"How often {_SAID[error]} is refused, which it {wanted}: the mean of"
        f" {found['law']}, by tallystick and by the usual tests.",
    )


def _figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"
