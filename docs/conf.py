"""Sphinx: the site is made of docs/, README.md, the claims and the docstrings."""

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "tallystick"
author = "The tallystick authors"
project_copyright = author
version = release = installed("tallystick")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "site_docstrings",
    "site_formulas",
    "site_pages",
]
# README.md is the page of this folder where it is read without a build.
exclude_patterns = ["README.md", "_ext", "_build"]
language = "en"
highlight_language = "text"
pygments_dark_style = "github-dark"

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # Notebooks carry their outputs.

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 76
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"
