"""Configuration of the documentation: ``sphinx-build -W --keep-going docs build/docs`` (extra ``docs``).

The pages are plain Markdown, so that they can be read on GitHub too.  What only the site has is written here,
into folders that Git ignores: the sections, the gallery of notebooks and the reference.
"""

import base64
import json
import re
import shutil
import sys
from operator import attrgetter
from pathlib import Path

import numgd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import formulas  # noqa: E402

REPOSITORY = "https://github.com/numgd/numgd/blob/main/"

SECTIONS = {
    "start": ("Getting started", ["tour", "coming-from", "choosing", "waiting"]),
    "optimisation": (
        "Optimisation",
        ["methods", "autodiff", "many", "scaling", "stochastic", "rules", "schedules", "own", "threads"],
    ),
    "neural-networks": (
        "Networks",
        [
            "networks", "training", "networks-digits", "functional", "batch_norm", "datasets", "command-line",
            "cuda",
        ],
    ),
    "experiments": ("Experiments", ["gallery/index", "plots", "plots-networks"]),
    "inside": ("How it is built", ["speed", "kernels", "architecture"]),
}  # fmt: skip
"""Sections of the site: title and pages."""

MODULES = {
    "numgd": "Minimisation, fits and derivatives",
    "numgd.autodiff": "Derivatives of one's own, and their source",
    "numgd.optimizers": "Optimizers",
    "numgd.schedules": "Learning-rate schedules",
    "numgd.line_searches": "Line searches",
    "numgd.nn": "Layers, containers and networks",
    "numgd.nn.functional": "What layers compute",
    "numgd.nn.models": "The classic networks",
    "numgd.nn.training": "Training",
    "numgd.datasets": "Data sets",
    "numgd.plots": "Plots",
}
"""Public modules and what they hold."""

project = "numgd"
author = "The numgd developers"
copyright = author
version = release = numgd.__version__
extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["requirements.txt"]
highlight_language = "none"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"
numpydoc_show_class_members = False
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "github_url": "https://github.com/numgd/numgd",
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
}
html_title = "numgd"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["numgd.css"]
suppress_warnings = ["myst.header", "misc.highlighting_failure"]


def module_of(name):
    """A public module, which is imported when it is asked for."""
    inner = name.partition(".")[2]
    return attrgetter(inner)(numgd) if inner else numgd


def public_names(module):
    """Public functions and classes of a module, which are imported when they are asked for."""
    found = module_of(module)
    names = getattr(found, "__all__", None) or dir(found)
    elsewhere = numgd.optimizers.__all__ if module == "numgd" else ()
    return sorted(
        (
            name
            for name in names
            if name[0] != "_" and name not in elsewhere and callable(getattr(found, name))
        ),
        key=str.lower,
    )


def empty_folder(name):
    """A folder of this one that is written anew in each build."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def heading(title):
    return f"{title}\n{'=' * len(title)}\n"


def contents(pages):
    """A table of contents that is shown on its page."""
    return ".. toctree::\n   :maxdepth: 1\n\n" + "".join(f"   {page}\n" for page in pages)


def write_sections():
    """One page per section, which lists the pages in it."""
    folder = empty_folder("sections")
    for name, (title, pages) in SECTIONS.items():
        (folder / f"{name}.rst").write_text(
            heading(title) + "\n" + contents(f"/{page}" for page in pages), encoding="utf-8"
        )


def write_api():
    """One page per public module: a table of its names, and their docstrings."""
    folder = empty_folder("api")
    for module, title in MODULES.items():
        names = public_names(module)
        lines = [heading(title), f"``{module}``\n", f".. currentmodule:: {module}\n"]
        lines += [".. autosummary::\n   :nosignatures:\n", *(f"   {name}" for name in names), ""]
        for name in names:
            lines += documented(module, name)
        (folder / f"{module}.rst").write_text("\n".join(lines), encoding="utf-8")
    (folder / "index.rst").write_text(heading("Reference") + "\n" + contents(MODULES), encoding="utf-8")


def documented(module, name):
    """The directive that shows the docstring of a function, or of a class and its methods."""
    found = getattr(module_of(module), name)
    if not isinstance(found, type):
        return [f".. autofunction:: {module}.{name}\n"]
    plain = hasattr(found, "_fields") or (issubclass(found, numgd.nn.Layer) and name != "Layer")
    members = [] if plain else ["   :members:"]
    undocumented = ["   :undoc-members:"] if name == "Status" else []
    return [f".. autoclass:: {module}.{name}", *members, *undocumented, ""]


def write_gallery(examples=HERE.parent / "examples", folder=None):
    """The notebooks of a folder, each with its title and its first picture."""
    folder = folder or empty_folder("gallery")
    groups = {"Claims": [], "Use cases": []}
    for path in sorted(examples.glob("*.ipynb")):
        shutil.copy(path, folder)
        notebook = json.loads(path.read_text(encoding="utf-8"))
        groups["Claims" if path.stem[0].isdigit() else "Use cases"] += card(path.stem, notebook, folder)
    lines = [heading("Experiments and use cases")]
    lines += ["Executed notebooks.  Each of the claims ends with the number that decides it.\n"]
    for title, cards in groups.items():
        if cards:
            lines += [f"{title}\n{'-' * len(title)}\n", ".. grid:: 1 2 2 3\n   :gutter: 3\n", *cards]
    names = [path.stem for path in sorted(folder.glob("*.ipynb"))]
    if names:
        lines += [contents(names).replace(":maxdepth: 1", ":hidden:")]
    (folder / "index.rst").write_text("\n".join(lines), encoding="utf-8")


def card(name, notebook, folder):
    """The lines of a notebook's card, whose picture goes to a file."""
    text = "".join(next(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"))
    title = re.search(r"^# +(.+)$", text, re.M)
    lines = [f"   .. grid-item-card:: {re.sub(r'[*`$]', '', title[1]) if title else name}"]
    lines += [f"      :link: {name}", "      :link-type: doc"]
    pictures = (
        output["data"]["image/png"]
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    )
    picture = next(pictures, None)
    if picture:
        (folder / f"{name}.png").write_bytes(base64.b64decode("".join(picture)))
        lines += [f"      :img-bottom: {name}.png"]
    return [*lines, ""]


def adapt_links(app, docname, source):
    """Lead links that leave this folder elsewhere, and give the first page its sections."""
    text = source[0]
    text = re.sub(r"\]\(\.\./examples/([\w-]+\.ipynb)\)", r"](gallery/\1)", text)
    text = re.sub(r"\]\(\.\./examples/?\)", "](gallery/index.rst)", text)
    if docname.startswith("gallery/"):
        text = re.sub(r"\]\(\.\./docs/([\w-]+\.md[^)]*)\)", r"](<../\1>)", text)
    source[0] = re.sub(r"\]\(\.\./([^)]+)\)", rf"]({REPOSITORY}\1)", text)
    if docname == "index":
        pages = "\n".join([*(f"sections/{name}" for name in SECTIONS), "api/index"])
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"


def escape(app, what, name, found, options, lines):
    """Shapes as (N, *shape), magnitudes as |x| and single letters with a full stop are no markup."""
    for number, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...")):
            continue
        line = re.sub(r"^(\s*(?:\.\. \[\d+\] )?[A-Za-z])\.(?= |$)", r"\1\\.", line)
        if "`" not in line:
            line = re.sub(r"\*(?=[a-z])", r"\\*", line).replace("|", r"\|")
        lines[number] = line


def setup(app):
    write_sections()
    write_api()
    write_gallery()
    formulas.setup(app)
    app.connect("autodoc-process-docstring", escape, priority=100)
    app.connect("source-read", adapt_links)
