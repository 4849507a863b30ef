"""Files of a data set in a local folder."""


def find(folder, *alternatives):
    """The path of the first file in a folder that exists under any of its alternative names."""
    names = " or ".join(alternatives)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}, where {names} should be")
    for name in alternatives:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"there is no {names} in the folder {folder}")
