"""What containers have in common: named parts."""

from numgd.nn.layers import Layer


class Container:
    """A part of a network made of named parts, which are layers or containers.

    Attributes
    ----------
    parts : dict
    torch_names : tuple of pairs of str
        Regular expressions with their replacements, in order, that make names of arrays in PyTorch from
        those here, within this container; for models whose names there differ.
    """

    parts: dict
    torch_names: tuple = ()

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={part!r}' for name, part in self.parts.items())})"


def join(path, name):
    """The path of a part."""
    return f"{path}.{name}" if path else name


def only(inputs, path, container):
    """The only input of a container."""
    if len(inputs) != 1:
        raise ValueError(f"{path or 'model'}: {type(container).__name__} takes one input, got {len(inputs)}")
    return inputs[0]


def checked_part(name, part):
    """A layer or container; raises TypeError for anything else."""
    if not isinstance(part, Layer | Container):
        hint = f"; a layer is an object: {part.__name__}(…)" if isinstance(part, type) else ""
        raise TypeError(f"part {name!r} must be a layer or container; it is {part!r}{hint}")
    return part


def named_parts(parts, named):
    """Name to part, with positions as the names of those without one."""
    found = {str(i): part for i, part in enumerate(parts)}
    for name in named:
        if name in found:
            raise ValueError(f"{name!r} is the name of a part by its position and of another part")
    found |= named
    for name, part in found.items():
        if not name or "." in name:
            raise ValueError(f"the name of a part must have letters and no dots; it is {name!r}")
        checked_part(name, part)
    if not found:
        raise ValueError("a container must have at least one part")
    return found
