"""Sphinx's configuration. `make docs` builds the pages; nothing in them comes from the network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generate

import theorylab

project = "theorylab"
author = "the authors of theorylab"
copyright = "the authors of theorylab"  # noqa: A001 - Sphinx's name
release = version = theorylab.__version__

extensions = ["myst_parser", "sphinx.ext.mathjax", "sphinx-mathjax-offline"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

# MathJax as the wheel has it, its letters as large as those of the text.
mathjax4_config = {"chtml": {"scale": 0.88}, "options": {"enableMenu": False}}

html_theme = "furo"
html_title = "theorylab"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_theme_options = {"top_of_page_buttons": []}
highlight_language = "python"
pygments_style = "friendly"


def setup(app):
    app.connect("builder-inited", lambda app: generate.write())
