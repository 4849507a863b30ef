"""The args of one problem among many, for the thread that solves it."""

from functools import cache

from numgd.jit.portable import portable

SHARED = 0
"""An argument that is the same for all problems."""

ROW = 1
"""An array with an entry per problem along its first axis."""

COLUMN = 2
"""An array with an entry per problem along its last axis, so that neighbouring threads read neighbours."""

LANE = 3
"""Scratch memory (m, lanes) with a column per thread."""


@cache
def make_row_of(places):
    """Function ``row_of(args, row, lane)``: the args of one problem.

    `places` says for each argument where the problem's entry is: SHARED, ROW, COLUMN or LANE.
    """
    if not places:

        @portable
        def row_of(args, row, lane):
            return ()

        return row_of

    rest = make_row_of(places[1:])
    if places[0] == ROW:

        @portable
        def row_of(args, row, lane):
            return (args[0][row],) + rest(args[1:], row, lane)

    elif places[0] == COLUMN:

        @portable
        def row_of(args, row, lane):
            return (args[0][..., row],) + rest(args[1:], row, lane)

    elif places[0] == LANE:

        @portable
        def row_of(args, row, lane):
            return (args[0][:, lane],) + rest(args[1:], row, lane)

    else:

        @portable
        def row_of(args, row, lane):
            return (args[0],) + rest(args[1:], row, lane)

    return row_of
