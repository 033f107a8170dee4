"""The report as one HTML file, and a report as a card in a notebook.

from tallystick.page import card, mathml, page
"""

from tallystick.page.building import page
from tallystick.page.card import card
from tallystick.page.mathematics import mathml

__all__ = ["card", "mathml", "page"]
