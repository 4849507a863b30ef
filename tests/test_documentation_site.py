"""The documentation builds without warnings, needs no network, and has every public name."""

import re
import runpy
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest

import numgd

pytestmark = pytest.mark.docs

ROOT = Path(__file__).parents[1]
PACKAGES = ("sphinx", "myst_nb", "numpydoc", "pydata_sphinx_theme", "sphinx_copybutton", "sphinx_design")
SUBMODULES = (
    "autodiff", "datasets", "nn", "nn.functional", "nn.models", "nn.training", "optimizers", "plots",
    "schedules",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for package in PACKAGES:
        pytest.importorskip(package, reason="the extra docs is missing")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "--keep-going", "-b", "html", "docs", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    return folder


@pytest.fixture
def configuration(monkeypatch):
    for package in PACKAGES:
        pytest.importorskip(package, reason="the extra docs is missing")
    monkeypatch.syspath_prepend(ROOT / "docs")
    return runpy.run_path(str(ROOT / "docs" / "conf.py"))


def entries(page):
    """The names that a page of the reference documents."""
    return set(re.findall(r'<dt class="sig sig-object py" id="([\w.]+)"', page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("module", SUBMODULES)
def test_every_public_name_has_an_entry(site, module):
    found = attrgetter(module)(numgd)
    wanted = {f"numgd.{module}.{name}" for name in found.__all__ if callable(getattr(found, name))}
    assert len(wanted) > 7
    assert not wanted - entries(site / "api" / f"numgd.{module}.html")


def test_every_name_of_numgd_has_an_entry(site):
    documented = entries(site / "api" / "numgd.html") | entries(site / "api" / "numgd.optimizers.html")
    wanted = {name for name in dir(numgd) if callable(getattr(numgd, name))}
    assert not wanted - {name.rpartition(".")[2] for name in documented}


def test_methods_of_a_network_have_entries(site):
    documented = entries(site / "api" / "numgd.nn.html")
    assert {f"numgd.nn.Network.{name}" for name in ("fit", "predict", "objective", "to")} <= documented


def test_every_notebook_is_in_the_gallery(site):
    index = (site / "gallery" / "index.html").read_text(encoding="utf-8")
    for path in (ROOT / "examples").glob("*.ipynb"):
        assert (site / "gallery" / f"{path.stem}.html").exists()
        assert f'href="{path.stem}.html"' in index


def test_every_page_is_in_a_section(site, configuration):
    listed = {page for _, pages in configuration["SECTIONS"].values() for page in pages}
    written = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert written <= listed


def test_single_letters_are_no_lists(site):
    for page in (site / "api").glob("*.html"):
        assert "<ol class=" not in page.read_text(encoding="utf-8").replace('<ol class="bd-', ""), page.name


def test_links_within_the_site_lead_to_pages_and_places(site):
    targets = {}
    count = 0
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for link, place in re.findall(r'href="([^":#?]*)(?:#([^"]+))?"', text):
            target = (page.parent / link).resolve() if link else page.resolve()
            assert target.exists(), (page.name, link)
            if place and target.suffix == ".html":
                if target not in targets:
                    targets[target] = set(re.findall(r'\bid="([^"]+)"', target.read_text(encoding="utf-8")))
                assert place in targets[target], (page.name, link, place)
                count += 1
    assert count > 1000


def test_links_to_the_repository_lead_to_files(site, configuration):
    repository = configuration["REPOSITORY"]
    for page in site.glob("*.html"):
        for path in re.findall(rf'href="{repository}([^"#]*)', page.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), (page.name, path)


def test_pages_load_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'<(?:script|img|link)[^>]+(?:src|href)="(?:https?:)?//', text), page.name


def test_formulas_are_mathml(site):
    text = (site / "gallery" / "05-momentum-in-a-ravine.html").read_text(encoding="utf-8")
    assert "<math" in text and r"\theta" not in text and r"\(" not in text


def test_an_unknown_formula_is_named(site, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'docs')!r})\n"
        "extensions = ['myst_parser', 'formulas']\nmyst_enable_extensions = ['dollarmath']\n"
        "html_math_renderer = 'mathml'\n"
    )
    (source / "index.md").write_text("# Title\n\n$\\frac12 + x_1 \\dots$ and $\\nosuchthing$\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(source), str(tmp_path / "out")]
    run = subprocess.run(command, capture_output=True, text=True)
    text = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "nosuchthing" in run.stderr and "frac12" not in run.stderr
    assert text.count("<math") == 1 and "<mfrac>" in text


def test_a_gallery_without_notebooks(configuration, tmp_path):
    configuration["write_gallery"](tmp_path / "nothing", tmp_path)
    text = (tmp_path / "index.rst").read_text(encoding="utf-8")
    assert "Experiments" in text and "toctree" not in text and "grid" not in text
