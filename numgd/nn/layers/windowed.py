"""Shapes of layers that look through windows of images."""

from numgd.nn.functional.windows import windows_of
from numgd.nn.layers.layer import one_input


class Windowed:
    """A layer with `kernel_size`, `stride`, `padding` and `ceil_mode`."""

    def windows(self, shape):
        """The windows along the height and the width of images of a shape."""
        how = self.kernel_size, self.stride, self.padding, 1, self.ceil_mode
        return tuple(phases[0].windows for phases in windows_of(shape[:2], *how))

    def output_shape(self, *shapes):
        shape = one_input(shapes, 3, "images, (height, width, channels)")
        rows, columns = self.windows(shape)
        return (rows.number, columns.number, shape[2])
