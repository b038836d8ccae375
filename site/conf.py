"""Sphinx's settings for the web edition. tools/website.py prepares the pages and calls Sphinx on them."""

import os
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build"
REPOSITORY = os.environ.get("DOWNHILL_REPOSITORY", "").rstrip("/")  # such as https://github.com/OWNER/NAME

project = "Downhill"
author = "the Downhill contributors"
copyright = "the Downhill contributors. Text and figures: CC BY 4.0. Code: BSD 3-Clause"
language = "en"
extensions = ["myst_nb", "sphinx_copybutton"]

nb_execution_mode = "off"  # the outputs are stored; nbval has reproduced them
nb_render_markdown_format = "myst"
nb_ipywidgets_js = {}  # interactive figures are stored as self-contained HTML, so no widget library is needed
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3

# $…$ stands in captions and quizzes, which are HTML; MyST has turned it into \(…\) elsewhere.
mathjax_path = "vendor/mathjax/tex-mml-chtml.js"
mathjax3_config = {
    "tex": {"inlineMath": [["$", "$"], ["\\(", "\\)"]], "processEscapes": True},
    "options": {"processHtmlClass": "tex2jax_process|mathjax_process|math|output_area", "enableMenu": False},
    "chtml": {"scale": 1.1, "matchFontHeight": False},  # it cannot measure inside a folded solution
}
html_math_renderer = "mathjax"

html_theme = "sphinx_book_theme"
html_title = "Downhill"
html_favicon = "static/favicon.svg"
html_context = {"default_mode": "auto"}
html_use_index = False
html_static_path = ["static", str(BUILD / "vendor" / "static")]
html_css_files = ["site.css"]
html_js_files = [(name, {"defer": "defer"}) for name in ("page.js", "progress.js", "learner.js")]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_persistent": [],  # else a second search field
    "use_download_button": False,  # our own leads to the notebook as it is in the repository
    "toc_title": "On this page",
    "search_bar_text": "Search the course",
    "footer_content_items": ["copyright.html"],
    "navigation_with_keys": False,  # arrow keys belong to the figures and quizzes
}
copybutton_prompt_text = r"^\$ "
copybutton_prompt_is_regexp = True


def add_buttons(app, page, template, context, doctree):
    """Put Run, Binder and Download in the head of each notebook's page, and the page's name where scripts find it."""
    context["metatags"] = context.get("metatags", "") + f'<meta name="downhill-page" content="{page}">'
    buttons = context["header_buttons"]
    context["header_buttons"] = [button for button in buttons if button["label"] != "fullscreen-button"]
    if not page.startswith(("notebooks/", "exercises/", "solutions/")):
        return
    to = context["pathto"]
    links = [(f"{to('download', 1)}/{page}.ipynb", "fas fa-download", "Download", "Download this notebook")]
    if REPOSITORY.startswith("https://github.com/"):
        binder = REPOSITORY.replace("https://github.com/", "https://mybinder.org/v2/gh/")
        links.insert(0, (f"{binder}/HEAD?urlpath=lab/tree/{page}.ipynb", "fas fa-cloud", "Binder",
                         "Run this notebook on Binder"))  # fmt: skip
    if app.tags.has("lite"):
        links.insert(0, (f"{to('lite', 1)}/notebooks/index.html?path={page}.ipynb", "fas fa-play", "Run",
                         "Run this notebook in the browser"))  # fmt: skip
    context["header_buttons"][:0] = [
        {"type": "link", "url": url, "icon": icon, "text": text, "tooltip": tip, "label": f"{text.lower()}-page-button"}
        for url, icon, text, tip in links
    ]


def setup(app):
    app.connect("html-page-context", add_buttons, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
