"""Sphinx's settings for the book; `companion.book` gives it the pages."""

project = "OLM, step by step"
author = "the olmlib authors"
copyright = f"2026, {author}"
root_doc = "book/index"
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

# Notebooks are executed by the pipeline, never here.
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # it would be fetched from another host
nb_render_markdown_format = "myst"
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["book.css"]
html_js_files = ["regions.js"]
html_copy_source = False
html_domain_indices = html_use_index = False  # search finds more
# Read from the disk, a page may not look into other pages.
html_show_search_summary = False
html_show_sourcelink = False
html_show_copyright = False
napoleon_use_ivar = True  # an attribute is described once
mathjax_path = "tex-svg.js"
