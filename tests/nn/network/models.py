"""Small networks that together have every layer and container."""

from numgd import nn

IMAGE, VECTOR = (8, 7, 3), (6,)


def headed(*parts):
    """Parts of a network for images, followed by a classifier of three classes."""
    return nn.Sequential(*parts, nn.Flatten(), nn.Dense(3))


def block(channels, **options):
    return nn.Sequential(
        nn.Conv2d(channels, 3, padding=1, bias=False),
        nn.BatchNorm(activation="relu"),
        nn.Conv2d(channels, 3, padding=1, bias=False),
        nn.BatchNorm(**options),
    )


MODELS = {
    "dense": (VECTOR, nn.Dense(3)),
    "dense without bias": (VECTOR, nn.Dense(3, bias=False)),
    "dense relu": (VECTOR, nn.Sequential(nn.Dense(5, activation="relu"), nn.Dense(3))),
    "dense tanh": (VECTOR, nn.Sequential(nn.Dense(5, activation="tanh"), nn.Dense(3))),
    "layer norm": (VECTOR, nn.Sequential(nn.Dense(5), nn.LayerNorm(activation="relu"), nn.Dense(3))),
    "layer norm first": (VECTOR, nn.Sequential(nn.LayerNorm(), nn.Dense(3))),
    "batch norm of vectors": (VECTOR, nn.Sequential(nn.Dense(5), nn.BatchNorm(activation="relu"), nn.Dense(3))),
    "batch norm first": (VECTOR, nn.Sequential(nn.BatchNorm(), nn.Dense(3))),
    "softmax": (VECTOR, nn.Sequential(nn.Dense(4), nn.Softmax(), nn.Dense(3))),
    "dropout": (VECTOR, nn.Sequential(nn.Dense(9), nn.Dropout(0.3), nn.Dense(3))),
    "dropout of nothing": (VECTOR, nn.Sequential(nn.Dense(9), nn.Dropout(0.0), nn.Dense(3))),
    "conv": (IMAGE, headed(nn.Conv2d(4, 3))),
    "conv relu": (IMAGE, headed(nn.Conv2d(4, 3, activation="relu"), nn.Conv2d(5, 3, activation="leaky_relu"))),
    "conv of one pixel": (IMAGE, headed(nn.Conv2d(4, 3), nn.Conv2d(6, 1, activation="relu6"))),
    "conv stride": (IMAGE, headed(nn.Conv2d(4, 3, stride=2, padding="same"), nn.Conv2d(5, 2))),
    "conv grouped": (IMAGE, headed(nn.Conv2d(8, 1), nn.Conv2d(8, 3, groups=4, padding=1))),
    "conv depthwise": (IMAGE, headed(nn.Conv2d(16, 1), nn.Conv2d(16, 3, groups="depthwise", padding=1))),
    "conv depthwise stride": (IMAGE, headed(nn.Conv2d(16, 1), nn.Conv2d(16, 3, 2, groups="depthwise"))),
    "conv dilated": (IMAGE, headed(nn.Conv2d(4, 3, dilation=2), nn.Conv2d(4, 2))),
    "conv wide": (IMAGE, headed(nn.Conv2d(24, 3, padding=1), nn.Conv2d(20, 3, padding=1, activation="relu"))),
    "conv transposed": (IMAGE, headed(nn.Conv2dTranspose(4, 2, stride=2), nn.Conv2d(2, 3, activation="relu"))),
    "conv transposed relu": (IMAGE, headed(nn.Conv2d(4, 1), nn.Conv2dTranspose(4, 3, groups=2, activation="relu"))),
    "batch norm": (IMAGE, headed(nn.Conv2d(4, 3, bias=False), nn.BatchNorm(), nn.Activation("relu"))),
    "batch norm after": (IMAGE, headed(nn.Conv2d(4, 3, activation="relu"), nn.BatchNorm())),
    "batch norm sigmoid": (IMAGE, headed(nn.Conv2d(4, 3), nn.BatchNorm(activation="sigmoid"))),
    "group norm": (IMAGE, headed(nn.Conv2d(4, 3), nn.GroupNorm(2, activation="relu"), nn.Conv2d(2, 1))),
    "group norm first": (IMAGE, headed(nn.GroupNorm(3), nn.Conv2d(2, 1))),
    "local response norm": (IMAGE, headed(nn.Conv2d(6, 3), nn.LocalResponseNorm(3, alpha=0.3))),
    "max pool": (IMAGE, headed(nn.Conv2d(4, 3, activation="relu"), nn.MaxPool2d(2))),
    "max pool overlapping": (IMAGE, headed(nn.Conv2d(4, 1, activation="leaky_relu"), nn.MaxPool2d(3, 2, 1))),
    "max pool sigmoid": (IMAGE, headed(nn.Conv2d(4, 3, activation="sigmoid"), nn.MaxPool2d(2))),
    "max pool first": (IMAGE, headed(nn.MaxPool2d(2), nn.Conv2d(3, 2))),
    "avg pool": (IMAGE, headed(nn.Conv2d(4, 3, activation="relu"), nn.AvgPool2d(2, ceil_mode=True))),
    "avg pool padded": (IMAGE, headed(nn.Conv2d(4, 1), nn.AvgPool2d(3, 2, 1, count_include_pad=False))),
    "global avg pool": (IMAGE, nn.Sequential(nn.Conv2d(4, 3), nn.GlobalAvgPool2d(), nn.Dense(3))),
    "gelu": (IMAGE, headed(nn.Conv2d(4, 3, activation="gelu"))),
    "elu": (IMAGE, headed(nn.Conv2d(4, 3), nn.Activation("elu", 0.5))),
    "steep leaky relu": (IMAGE, headed(nn.Conv2d(4, 3), nn.Activation("leaky_relu", 0.3), nn.Conv2d(2, 1))),
    "falling leaky relu": (IMAGE, headed(nn.Conv2d(4, 3), nn.Activation("leaky_relu", -0.3), nn.MaxPool2d(2))),
    "residual": (IMAGE, headed(nn.Conv2d(4, 3), nn.Residual(block(4), activation="relu"), nn.Residual(block(4)))),
    "residual shortcut": (
        IMAGE,
        headed(nn.Residual(block(5), nn.Conv2d(5, 1), activation="relu"), nn.Residual(nn.Conv2d(5, 1))),
    ),
    "residual of nothing": (IMAGE, headed(nn.Conv2d(4, 1), nn.Residual(nn.Identity(), activation="relu"))),
    "residual zeros": (IMAGE, headed(nn.Conv2d(4, 3), nn.Residual(block(4, gamma="zeros"), activation="relu"))),
    "residual chain": (VECTOR, nn.Sequential(nn.Dense(4), *[nn.Residual(nn.Dense(4)) for _ in range(3)], nn.Dense(3))),
    "residual of residuals": (
        VECTOR,
        nn.Sequential(nn.Dense(4), nn.Residual(nn.Residual(nn.Dense(4, activation="relu"))), nn.Dense(3)),
    ),
    "concat": (IMAGE, headed(nn.Conv2d(4, 3), nn.Concat(nn.Conv2d(2, 1), nn.Conv2d(3, 1), nn.Identity()))),
    "dense block": (
        IMAGE,
        headed(
            nn.Conv2d(4, 3),
            *[nn.Concat(nn.Identity(), nn.Sequential(nn.BatchNorm(activation="relu"), nn.Conv2d(3, 3, padding=1)))] * 3,
        ),
    ),
    "concat of one value": (VECTOR, nn.Sequential(nn.Dense(4), nn.Concat(nn.Identity(), nn.Identity()), nn.Dense(3))),
    "graph": (
        VECTOR,
        nn.Graph(
            a=nn.Dense(4, activation="relu"),
            b=nn.Dense(4),
            c=(nn.Dense(4), "a"),
            d=(nn.Add(activation="relu"), "a", "b", "c"),
            e=(nn.Concatenate(), "d", "input"),
            f=(nn.Dense(3), "e"),
        ),
    ),
    "flatten between": (IMAGE, nn.Sequential(nn.Conv2d(2, 3), nn.Flatten(), nn.Activation("relu"), nn.Dense(3))),
    "image output": (IMAGE, nn.Sequential(nn.Conv2d(4, 3, padding=1), nn.Conv2d(3, 1))),
    "unused branch": (VECTOR, nn.Graph(a=nn.Dense(4), unused=nn.Dense(7), b=(nn.Dense(3), "a"))),
}  # fmt: skip
"""Name to the shape of the input and the model."""
