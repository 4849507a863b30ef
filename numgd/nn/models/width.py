"""Numbers of channels of models that are wider or narrower than published."""


def scaled(channels, width, multiple=1):
    """The multiple of `multiple`, at least that itself, that is nearest to ``width * channels``."""
    return multiple * max(1, round(width * channels / multiple))
