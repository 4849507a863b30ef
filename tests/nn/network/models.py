"""Small networks that together have every layer and container."""

from numgd.nn import (
    Activation,
    AdaptiveAvgPool2d,
    Add,
    Auxiliary,
    AvgPool2d,
    BatchNorm,
    ChannelScale,
    Concat,
    Concatenate,
    ConnectedConv2d,
    Conv2d,
    Conv2dTranspose,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Graph,
    GroupNorm,
    Identity,
    LayerNorm,
    LocalResponseNorm,
    MaxPool2d,
    PaddedShortcut,
    RadialBasis,
    Residual,
    Scale,
    ScaledTanh,
    Sequential,
    Softmax,
)

IMAGE, VECTOR = (8, 7, 3), (6,)


def headed(*parts):
    """Parts of a network for images, followed by a classifier of three classes."""
    return Sequential(*parts, Flatten(), Dense(3))


def block(channels, **options):
    return Sequential(
        Conv2d(channels, 3, padding=1, bias=False),
        BatchNorm(activation="relu"),
        Conv2d(channels, 3, padding=1, bias=False),
        BatchNorm(**options),
    )


MODELS = {
    "dense": (VECTOR, Dense(3)),
    "dense without bias": (VECTOR, Dense(3, bias=False)),
    "dense relu": (VECTOR, Sequential(Dense(5, activation="relu"), Dense(3))),
    "dense tanh": (VECTOR, Sequential(Dense(5, activation="tanh"), Dense(3))),
    "layer norm": (VECTOR, Sequential(Dense(5), LayerNorm(activation="relu"), Dense(3))),
    "layer norm first": (VECTOR, Sequential(LayerNorm(), Dense(3))),
    "batch norm of vectors": (VECTOR, Sequential(Dense(5), BatchNorm(activation="relu"), Dense(3))),
    "batch norm first": (VECTOR, Sequential(BatchNorm(), Dense(3))),
    "softmax": (VECTOR, Sequential(Dense(4), Softmax(), Dense(3))),
    "dropout": (VECTOR, Sequential(Dense(9), Dropout(0.3), Dense(3))),
    "dropout of nothing": (VECTOR, Sequential(Dense(9), Dropout(0.0), Dense(3))),
    "conv": (IMAGE, headed(Conv2d(4, 3))),
    "conv relu": (IMAGE, headed(Conv2d(4, 3, activation="relu"), Conv2d(5, 3, activation="leaky_relu"))),
    "conv of one pixel": (IMAGE, headed(Conv2d(4, 3), Conv2d(6, 1, activation="relu6"))),
    "conv stride": (IMAGE, headed(Conv2d(4, 3, stride=2, padding="same"), Conv2d(5, 2))),
    "conv grouped": (IMAGE, headed(Conv2d(8, 1), Conv2d(8, 3, groups=4, padding=1))),
    "conv depthwise": (IMAGE, headed(Conv2d(16, 1), Conv2d(16, 3, groups="depthwise", padding=1))),
    "conv depthwise stride": (IMAGE, headed(Conv2d(16, 1), Conv2d(16, 3, 2, groups="depthwise"))),
    "conv dilated": (IMAGE, headed(Conv2d(4, 3, dilation=2), Conv2d(4, 2))),
    "conv wide": (IMAGE, headed(Conv2d(24, 3, padding=1), Conv2d(20, 3, padding=1, activation="relu"))),
    "conv transposed": (IMAGE, headed(Conv2dTranspose(4, 2, stride=2), Conv2d(2, 3, activation="relu"))),
    "conv transposed relu": (IMAGE, headed(Conv2d(4, 1), Conv2dTranspose(4, 3, groups=2, activation="relu"))),
    "batch norm": (IMAGE, headed(Conv2d(4, 3, bias=False), BatchNorm(), Activation("relu"))),
    "batch norm after": (IMAGE, headed(Conv2d(4, 3, activation="relu"), BatchNorm())),
    "batch norm sigmoid": (IMAGE, headed(Conv2d(4, 3), BatchNorm(activation="sigmoid"))),
    "group norm": (IMAGE, headed(Conv2d(4, 3), GroupNorm(2, activation="relu"), Conv2d(2, 1))),
    "group norm first": (IMAGE, headed(GroupNorm(3), Conv2d(2, 1))),
    "local response norm": (IMAGE, headed(Conv2d(6, 3), LocalResponseNorm(3, alpha=0.3))),
    "max pool": (IMAGE, headed(Conv2d(4, 3, activation="relu"), MaxPool2d(2))),
    "max pool overlapping": (IMAGE, headed(Conv2d(4, 1, activation="leaky_relu"), MaxPool2d(3, 2, 1))),
    "max pool sigmoid": (IMAGE, headed(Conv2d(4, 3, activation="sigmoid"), MaxPool2d(2))),
    "max pool first": (IMAGE, headed(MaxPool2d(2), Conv2d(3, 2))),
    "avg pool": (IMAGE, headed(Conv2d(4, 3, activation="relu"), AvgPool2d(2, ceil_mode=True))),
    "avg pool padded": (IMAGE, headed(Conv2d(4, 1), AvgPool2d(3, 2, 1, count_include_pad=False))),
    "adaptive avg pool": (IMAGE, headed(Conv2d(4, 3, activation="relu"), AdaptiveAvgPool2d((4, 2)))),
    "adaptive avg pool of few pixels": (IMAGE, headed(Conv2d(4, 6), AdaptiveAvgPool2d(4))),
    "global avg pool": (IMAGE, Sequential(Conv2d(4, 3), GlobalAvgPool2d(), Dense(3))),
    "gelu": (IMAGE, headed(Conv2d(4, 3, activation="gelu"))),
    "activations in a row": (
        VECTOR,
        Sequential(Dense(5), LayerNorm(activation="relu6"), Activation("leaky_relu"), Dense(3)),
    ),
    "activation of a shared value": (
        VECTOR,
        Graph(a=Dense(4), b=(Activation("relu"), "a"), c=(Concatenate(), "b", "a"), d=Dense(3)),
    ),
    "activation of a shared view": (
        IMAGE,
        Graph(
            a=Conv2d(2, 1),
            b=Flatten(),
            c=Activation("relu"),
            d=(Conv2d(2, 1), "a"),
            e=Flatten(),
            f=(Concatenate(), "c", "e"),
            g=Dense(3),
        ),
    ),
    "elu": (IMAGE, headed(Conv2d(4, 3), Activation("elu", 0.5))),
    "steep leaky relu": (IMAGE, headed(Conv2d(4, 3), Activation("leaky_relu", 0.3), Conv2d(2, 1))),
    "falling leaky relu": (IMAGE, headed(Conv2d(4, 3), Activation("leaky_relu", -0.3), MaxPool2d(2))),
    "residual": (IMAGE, headed(Conv2d(4, 3), Residual(block(4), activation="relu"), Residual(block(4)))),
    "residual shortcut": (
        IMAGE,
        headed(Residual(block(5), Conv2d(5, 1), activation="relu"), Residual(Conv2d(5, 1))),
    ),
    "residual of nothing": (IMAGE, headed(Conv2d(4, 1), Residual(Identity(), activation="relu"))),
    "residual zeros": (IMAGE, headed(Conv2d(4, 3), Residual(block(4, gamma="zeros"), activation="relu"))),
    "residual chain": (VECTOR, Sequential(Dense(4), *[Residual(Dense(4)) for _ in range(3)], Dense(3))),
    "residual of residuals": (
        VECTOR,
        Sequential(Dense(4), Residual(Residual(Dense(4, activation="relu"))), Dense(3)),
    ),
    "residual scale": (
        IMAGE,
        headed(
            Conv2d(4, 3),
            Residual(Sequential(Conv2d(4, 1), Scale(0.17)), activation="relu"),
            Residual(Sequential(Conv2d(4, 3, padding=1, activation="relu"), Scale(-2.0))),
        ),
    ),
    "concat": (IMAGE, headed(Conv2d(4, 3), Concat(Conv2d(2, 1), Conv2d(3, 1), Identity()))),
    "dense block": (
        IMAGE,
        headed(
            Conv2d(4, 3),
            *[Concat(Identity(), Sequential(BatchNorm(activation="relu"), Conv2d(3, 3, padding=1)))] * 3,
        ),
    ),
    "concat of one value": (VECTOR, Sequential(Dense(4), Concat(Identity(), Identity()), Dense(3))),
    "graph": (
        VECTOR,
        Graph(
            a=Dense(4, activation="relu"),
            b=Dense(4),
            c=(Dense(4), "a"),
            d=(Add(activation="relu"), "a", "b", "c"),
            e=(Concatenate(), "d", "input"),
            f=(Dense(3), "e"),
        ),
    ),
    "flatten between": (IMAGE, Sequential(Conv2d(2, 3), Flatten(), Activation("relu"), Dense(3))),
    "channel scale": (IMAGE, headed(Conv2d(4, 3), AvgPool2d(2), ChannelScale("he_uniform"))),
    "channel scale first": (IMAGE, headed(ChannelScale(), Conv2d(2, 1, activation="relu"))),
    "scaled tanh": (IMAGE, headed(Conv2d(4, 3), ScaledTanh(), Conv2d(2, 1))),
    "connected conv": (
        IMAGE,
        headed(Conv2d(4, 1), ConnectedConv2d([[0, 1], [3], [2, 0, 1], [3, 1]], 3, padding=1), ScaledTanh()),
    ),
    "connected conv first": (
        IMAGE,
        headed(ConnectedConv2d([[2, 1], [0]], (3, 2), stride=2, bias=False), Activation("relu")),
    ),
    "radial basis": (VECTOR, Sequential(Dense(2), RadialBasis([[1, 1], [-1, 0.5], [0, -1]], -1.0))),
    "padded shortcut": (IMAGE, headed(Conv2d(4, 1), PaddedShortcut(6), Activation("relu"))),
    "residual padded shortcut": (
        IMAGE,
        headed(Conv2d(4, 1), Residual(Conv2d(8, 3, 3, padding=1), PaddedShortcut(8, 3), activation="relu")),
    ),
    "scale": (
        VECTOR,
        Sequential(Scale(3.0), Dense(4), Scale(-0.5), Scale(1.0), Activation("tanh"), Dense(3)),
    ),
    "scale of a shared value": (
        VECTOR,
        Graph(a=Dense(4), b=(Scale(0.3), "a"), c=(Concatenate(), "b", "a"), d=Scale(0.0), e=Dense(3)),
    ),
    "auxiliary": (
        IMAGE,
        headed(
            Conv2d(4, 3),
            Auxiliary(headed(MaxPool2d(2), BatchNorm(activation="relu"))),
            Conv2d(2, 1),
            Auxiliary(headed(Dropout(0.3), Activation("tanh")), 0.6),
            Activation("relu"),
        ),
    ),
    "image output": (IMAGE, Sequential(Conv2d(4, 3, padding=1), Conv2d(3, 1))),
    "unused branch": (VECTOR, Graph(a=Dense(4), unused=Dense(7), b=(Dense(3), "a"))),
}
"""Name to the shape of the input and the model."""
