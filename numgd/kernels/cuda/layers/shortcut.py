"""Every s-th pixel of images (N, H, W, C), followed by channels of zeros, and the gradient of the images."""

from numgd.kernels.cuda.target import can_load4, cuda, kernel, launch, launch_shape, load4, store4


def forward(x, stride, out):
    """out[n, i, j] = x[n, i · stride, j · stride], then zeros."""
    _drive(_forward, x, stride, out)


def backward(grad, stride, out):
    """out: the gradient of x for a gradient of the result of `forward`."""
    _drive(_backward, grad, stride, out)


def _drive(function, source, stride, out):
    if out.size:
        fours = source.shape[3] % 4 == out.shape[3] % 4 == 0 and can_load4(source, out)
        lanes = 4 if fours else 1
        own, others = (source.shape[1], source.shape[2]), (out.shape[1], out.shape[2])
        channels = source.shape[3] // lanes, out.shape[3] // lanes
        vectors = source.reshape(source.size), out.reshape(out.size)
        launch(function, launch_shape(out.size // lanes), vectors[0], stride, own, others, channels, fours,
               vectors[1])  # fmt: skip


@kernel
def _forward(x, stride, given, found, channels, fours, out):
    zero, count = x.dtype.type(0), out.size // 4 if fours else out.size
    for i in range(cuda.grid(1), count, cuda.gridsize(1)):
        pixel, c = i // channels[1], i % channels[1]
        column, image_row = pixel % found[1], pixel // found[1]
        row, image = image_row % found[0], image_row // found[0]
        place = ((image * given[0] + row * stride) * given[1] + column * stride) * channels[0] + c
        if fours:
            store4(out, 4 * i, load4(x, 4 * place) if c < channels[0] else (zero, zero, zero, zero))
        else:
            out[i] = x[place] if c < channels[0] else zero


@kernel
def _backward(grad, stride, given, found, channels, fours, out):
    zero, count = grad.dtype.type(0), out.size // 4 if fours else out.size
    for i in range(cuda.grid(1), count, cuda.gridsize(1)):
        pixel, c = i // channels[1], i % channels[1]
        column, image_row = pixel % found[1], pixel // found[1]
        row, image = image_row % found[0], image_row // found[0]
        picked = row % stride == 0 and column % stride == 0
        place = ((image * given[0] + row // stride) * given[1] + column // stride) * channels[0] + c
        if fours:
            store4(out, 4 * i, load4(grad, 4 * place) if picked else (zero, zero, zero, zero))
        else:
            out[i] = grad[place] if picked else zero
