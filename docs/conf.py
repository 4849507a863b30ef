"""Configuration of the documentation: ``sphinx-build -W --keep-going docs build/docs`` (extra ``docs``)."""

import re
import shutil
from operator import attrgetter
from pathlib import Path

import numgd

HERE = Path(__file__).parent
ROOT = HERE.parent
REPOSITORY = "https://github.com/numgd/numgd/blob/main/"
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

GALLERY = """# Experiments and use cases

Each notebook states a claim or a problem, shows it in a picture, and ends with the number that decides it.

```{{toctree}}
:maxdepth: 1

{}
```
"""

project = "numgd"
author = "The numgd developers"
extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx_copybutton"]
exclude_patterns = ["requirements.txt"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"
numpydoc_show_class_members = False
autodoc_typehints = "none"
html_theme = "pydata_sphinx_theme"
html_theme_options = {"github_url": "https://github.com/numgd/numgd", "show_toc_level": 2}
html_title = "numgd"
suppress_warnings = ["myst.header", "misc.highlighting_failure"]


def public_names(module):
    """Public functions and classes of a module, which are imported when they are asked for."""
    found = module_of(module)
    names = getattr(found, "__all__", None) or dir(found)
    elsewhere = numgd.optimizers.__all__ if module == "numgd" else ()
    return [
        name for name in names if name[0] != "_" and name not in elsewhere and callable(getattr(found, name))
    ]


def module_of(name):
    """A public module, which is imported when it is asked for."""
    inner = name.partition(".")[2]
    return attrgetter(inner)(numgd) if inner else numgd


def write_api():
    """One page per public module, made from its names."""
    folder = HERE / "api"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for module, title in MODULES.items():
        lines = [f"{title}\n{'=' * len(title)}\n", f"``{module}``\n"]
        for name in sorted(public_names(module)):
            found = getattr(module_of(module), name)
            kind = "autoclass" if isinstance(found, type) else "autofunction"
            lines += [f"{name}\n{'-' * len(name)}\n", f".. {kind}:: {module}.{name}\n"]
        (folder / f"{module}.rst").write_text("\n".join(lines))
    listed = "\n".join(f"   {module}" for module in MODULES)
    title = "API reference"
    (folder / "index.rst").write_text(
        f"{title}\n{'=' * len(title)}\n\n.. toctree::\n   :maxdepth: 1\n\n{listed}\n"
    )


def write_gallery():
    """The notebooks in examples/, by title."""
    folder = HERE / "gallery"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    paths = sorted((ROOT / "examples").glob("*.ipynb"))
    for path in paths:
        shutil.copy(path, folder)
    listed = "\n".join(path.stem for path in paths)
    (folder / "index.md").write_text(GALLERY.format(listed))


def to_repository(app, docname, source):
    """Links of pages that leave this folder lead to the repository."""
    source[0] = re.sub(r"\]\(\.\./([^)]+)\)", rf"]({REPOSITORY}\1)", source[0])


def escape(app, what, name, found, options, lines):
    """Shapes as (N, *shape) and magnitudes as |x| are no markup."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")) and "`" not in line:
            lines[number] = re.sub(r"\*(?=[a-z])", r"\\*", line).replace("|", r"\|")


def setup(app):
    write_api()
    write_gallery()
    app.connect("autodoc-process-docstring", escape, priority=100)
    app.connect("source-read", to_repository)
