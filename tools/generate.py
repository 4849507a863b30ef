"""Writes what is made from the records: tables of the documentation, and stubs for editors and type checkers.

``python tools/generate.py`` after a change of a record; a test fails where a file is not current.
"""

import inspect
import re
from pathlib import Path

import numgd
from numgd import nn, second_order
from numgd.optimizers import Optimizer, of_rule
from numgd.registry import FIT_METHODS, RULES

ROOT = Path(__file__).parents[1]
GENERATED = "This file is made by tools/generate.py."


def number(value):
    """A default as the tables show it."""
    text = f"{value:.10g}"
    if value and abs(value) < 1e-3:
        text = f"{value:.9e}"
        mantissa, exponent = text.split("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"
    return re.sub(r"e([+-]?)0*(\d+)$", lambda m: f"e{'-' if m[1] == '-' else ''}{m[2]}", text)


def table(head, rows):
    """Lines of a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)


def options_of(options):
    """Names and defaults of options."""
    return ", ".join(f"`{name}` {number(value)}" for name, value in options._asdict().items())


def rules_table():
    """The table of update rules."""
    rows = (
        [
            f"`{rule.name}`",
            rule.formula.replace("|", "\\|"),
            ", ".join(f"`{slot}`" for slot in rule.slots),
            options_of(rule.options()),
            rule.source,
        ]
        for rule in RULES.values()
    )
    return table(["method", "one step", "slots", "defaults", "source"], rows)


def methods_table():
    """The table of methods that are no update rules."""
    second = {"hessian": "gradient, Hessian", "product": "gradient, products with the Hessian"}
    rows = (
        [
            f"`{method.name}`",
            method.summary,
            second.get(method.curvature, "gradient"),
            "yes" if method.bounded else "",
            "vectors" if method.matrix_free else "matrices",
            "yes" if method.on_device else "",
        ]
        for method in second_order.METHODS.values()
    )
    return table(["method", "what it is", "derivatives", "bounds", "memory", "CUDA kernel"], rows)


def fits_table():
    """The table of least-squares methods."""
    rows = (
        [
            f"`{method.name}`",
            method.summary,
            "yes" if method.bounded else "",
            "yes" if method.robust else "",
        ]
        for method in FIT_METHODS.values()
    )
    return table(["method", "what it is", "bounds", "robust losses"], rows)


TABLES = {
    "docs/rules.md": (("rules", rules_table),),
    "docs/methods.md": (("methods", methods_table), ("fits", fits_table)),
}
"""Page to the names of its tables; each stands between two marks."""


def with_tables(text, tables):
    """A page with its tables made anew."""
    for name, make in tables:
        begin, end = f"<!-- {name}: made by tools/generate.py -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        assert rest and after, f"no marks of {name}"
        text = f"{before}{begin}\n{make()}\n{end}{after}"
    return text


# Stubs -----------------------------------------------------------------------------------------------------


def package_stub():
    """``numgd/__init__.pyi``."""
    imports = [f"from numgd.{home} import {name} as {name}" for name, home in numgd._HOMES.items()]
    for name, home in numgd._MODULES.items():
        package, _, module = f"numgd.{home}".rpartition(".")
        imports.append(f"from {package} import {module} as {name}")
    imports += [f"from numgd.optimizers import {name} as {name}" for name in class_names()]
    return f"# {GENERATED}\n\n" + "\n".join(sorted(imports)) + "\n\n__version__: str\n__all__: list[str]\n"


def networks_stub():
    """``numgd/nn/__init__.pyi``."""
    imports = [
        f"from {module} import {name} as {name}" for module, names in nn._HOMES.items() for name in names
    ]
    imports += [f"from numgd.nn import {name} as {name}" for name in nn._MODULES]
    return f"# {GENERATED}\n\n" + "\n".join(sorted(imports)) + "\n\n__all__: list[str]\n"


def class_names():
    """The optimizer classes."""
    return sorted(["Optimizer", *(rule.optimizer for rule in RULES.values())])


def optimizers_stub():
    """``numgd/optimizers/__init__.pyi``."""
    lines = [
        f"# {GENERATED}",
        "",
        "from collections.abc import Callable, Mapping",
        "from typing import Any",
        "",
        "from numgd.optimizers.optimizer import Optimizer as Optimizer",
        "",
        "def of_rule(name: str) -> type[Optimizer]: ...",
        "",
    ]
    for rule in RULES.values():
        parameters = inspect.signature(of_rule(rule.name)).parameters.values()
        given = [f"{parameter.name}: {hint_of(parameter)} = ..." for parameter in parameters]
        lines += [
            f"class {rule.optimizer}(Optimizer):",
            f'    """{rule.summary}"""',
            "",
            "    def __init__(",
            "        self,",
            f"        {given[0]},",
            "        *,",
            *(f"        {text}," for text in given[1:]),
            "    ) -> None: ...",
            "",
        ]
    return "\n".join(lines)


SHARED_HINTS = {
    "learning_rate": "float | Callable[[int], float]",
    "groups": "Mapping[Any, Mapping[str, Any]] | None",
    "nonfinite": "str",
    "lookahead": "tuple[int, float] | None",
    "decoupled": "bool",
}


def hint_of(parameter):
    """The hint of a constructor's parameter."""
    if parameter.name in SHARED_HINTS:
        return SHARED_HINTS[parameter.name]
    annotation = inspect.signature(Optimizer).parameters.get(parameter.name)
    if annotation is not None:
        kinds = getattr(annotation.annotation, "__args__", (annotation.annotation,))
        names = [getattr(getattr(kind, "__origin__", kind), "__name__", "None") for kind in kinds]
        return " | ".join(dict.fromkeys("None" if name == "NoneType" else name for name in names))
    return "float"


STUBS = {
    "numgd/__init__.pyi": package_stub,
    "numgd/nn/__init__.pyi": networks_stub,
    "numgd/optimizers/__init__.pyi": optimizers_stub,
}


def current():
    """Path to the text that each generated file should have."""
    texts = {path: make() for path, make in STUBS.items()}
    for path, tables in TABLES.items():
        texts[path] = with_tables((ROOT / path).read_text(), tables)
    return texts


if __name__ == "__main__":
    for path, text in current().items():
        (ROOT / path).write_text(text)
