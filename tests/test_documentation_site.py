"""The documentation builds without warnings, and its reference has every public name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import numgd

pytestmark = pytest.mark.docs

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for package in ("sphinx", "myst_nb", "numpydoc", "pydata_sphinx_theme", "sphinx_copybutton"):
        pytest.importorskip(package, reason="the extra docs is missing")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "--keep-going", "-b", "html", "docs", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    return folder


@pytest.mark.parametrize(
    "module",
    ["autodiff", "optimizers", "schedules", "nn", "nn.functional", "nn.training", "datasets", "plots"],
)
def test_every_public_name_has_an_entry(site, module):
    found = numgd
    for part in module.split("."):
        found = getattr(found, part)
    page = (site / "api" / f"numgd.{module}.html").read_text()
    entries = set(re.findall(r'<dt class="sig sig-object py" id="numgd\.([\w.]+)"', page))
    names = {name.rsplit(".", 1)[-1] for name in entries}
    wanted = {name for name in found.__all__ if callable(getattr(found, name)) and name[0] != "_"}
    assert wanted <= names, wanted - names


def test_functions_of_numgd_have_an_entry(site):
    page = (site / "api" / "numgd.html").read_text()
    for name in (
        "minimize",
        "minimize_many",
        "curve_fit",
        "curve_fit_many",
        "least_squares",
        "grad",
        "hessp",
    ):
        assert re.search(rf'<dt class="sig sig-object py" id="numgd\.[\w.]*\b{name}"', page), name


def test_every_notebook_is_in_the_gallery(site):
    for path in (ROOT / "examples").glob("*.ipynb"):
        assert (site / "gallery" / f"{path.stem}.html").exists()


def test_links_within_the_site_lead_to_pages(site):
    for page in site.glob("*.html"):
        for link in re.findall(r'href="([^"#:]+\.html)', page.read_text()):
            assert (page.parent / link).resolve().exists(), (page.name, link)
