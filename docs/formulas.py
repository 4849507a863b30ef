"""Formulas as MathML, which browsers show without scripts and without a network."""

import re

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)

REPLACED = (
    (r"\\dots\b", r"\\ldots"),
    (r"\\[td]frac", r"\\frac"),
    (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
    (r"\\frac\s*(\d)(?=[{\\])", r"\\frac{\1}"),
    ("×", r"\\times "),
)
"""LaTeX that docutils does not know, and the same in LaTeX that it knows."""


def mathml(latex, block):
    """A formula as MathML; ``MathError`` if it is not understood."""
    for pattern, replacement in REPLACED:
        latex = re.sub(pattern, replacement, latex)
    return latex2mathml.tex2mathml(latex.strip(), as_block=block)


def visit_inline(self, node):
    self.body.append(shown(node, block=False))
    raise nodes.SkipNode


def visit_block(self, node):
    self.body.append(f'<div class="formula">{shown(node, block=True)}</div>')
    raise nodes.SkipNode


def shown(node, block):
    """The formula, or its source and a warning."""
    try:
        return mathml(node.astext(), block)
    except MathError as error:
        LOGGER.warning("formula %r: %s", node.astext(), error, location=node)
        return f"<code>{node.astext()}</code>"


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
