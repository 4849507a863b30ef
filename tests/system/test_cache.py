"""Compiled code on the disk: where it is kept, and that nothing is run that others may have put there."""

import hashlib
import os
import pickle
import stat
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import numgd
from numgd.cli import main as cli
from numgd.jit.portable import compiled
from numgd.system import cache_folder as folder

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows does not tell who may write")
as_root = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root gives files away")


def tripled(x):
    return 3 * x


def call():
    """Run a compiled function anew; whether its machine code came from the disk, and the warnings."""
    function = compiled("tripled")(tripled)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert function(np.float64(2.0)) == 6.0
    return sum(function.stats.cache_hits.values()) == 1, [str(warning.message) for warning in caught]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A cache folder that holds the function's machine code."""
    chosen = tmp_path / "cache"
    monkeypatch.setenv("NUMGD_CACHE_DIR", str(chosen))
    folder.warn_once.cache_clear()
    assert call() == (False, []) and call() == (True, [])
    return chosen


class Planted:
    """What leaves a mark where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


# Whose it is ------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("level", ["root", "leaf"])
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777, 0o702])
def test_code_in_a_folder_that_others_may_write_to_is_not_run(root, level, mode, tmp_path):
    mark = tmp_path / "mark"
    for file in root.rglob("*.nbc"):
        planted = pickle.dumps(Planted(mark))
        file.write_bytes(hashlib.sha256(planted).digest() + planted)
    shared = root if level == "root" else folder.cache_folder()
    shared.chmod(mode)
    found, (warning,) = call()
    assert not found and not mark.exists()
    assert str(shared) in warning and "chmod go-w" in warning and "NUMGD_CACHE_DIR" in warning
    assert call() == (False, [])  # and it warns once
    shared.chmod(0o700)
    call()
    assert mark.exists()  # the trap works where the folder is taken for the user's own


@posix
@as_root
@pytest.mark.parametrize("what", ["root", "leaf"])
def test_code_in_another_users_folder_is_not_run(root, what):
    os.chown(root if what == "root" else folder.cache_folder(), 12345, -1)
    found, (warning,) = call()
    assert not found and "another user (number 12345" in warning and "chmod" not in warning


@posix
@pytest.mark.parametrize("spoil", ["owner", "mode"])
def test_a_file_that_is_not_the_users_own_is_replaced(root, spoil):
    (file,) = root.rglob("tripled*.nbc")
    if spoil == "mode":
        file.chmod(0o666)
    elif os.geteuid() == 0:
        os.chown(file, 12345, -1)
    else:
        pytest.skip("only root gives files away")
    assert call() == (False, []) and call() == (True, [])
    status = file.stat()
    assert status.st_uid == os.geteuid() and not status.st_mode & 0o022


@posix
@pytest.mark.parametrize(
    ("user", "owner", "mode", "word"),
    [
        (1000, 1000, 0o700, None),
        (1000, 1000, 0o755, None),
        (1000, 0, 0o755, None),  # what root has compiled for all
        (1000, 0, 0o1777, "everybody"),
        (1000, 1000, 0o775, "group"),  # umask 002: a group of the user alone looks like any other
        (1000, 1001, 0o700, "another user"),
        (0, 1000, 0o700, "another user"),  # root must not run what a user may write
        (0, 0, 0o700, None),
    ],
)
def test_who_may_write(user, owner, mode, word, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    fault = folder.fault_of(SimpleNamespace(st_uid=owner, st_mode=stat.S_IFDIR | mode))
    assert fault is None if word is None else word in fault


@posix
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_what_numgd_makes_is_safe_with_any_umask(umask, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMGD_CACHE_DIR", str(tmp_path / "above" / "cache"))
    before = os.umask(umask)
    try:
        assert call() == (False, []) and call() == (True, [])
        numgd.grad(lambda x: x * x)(3.0)
    finally:
        os.umask(before)
    made = [tmp_path / "above" / "cache", *(tmp_path / "above" / "cache").rglob("*")]
    assert len(made) > 3 and not any(path.stat().st_mode & 0o022 for path in made)


@posix
def test_a_symbolic_link_counts_as_the_folder_that_it_leads_to(root, tmp_path, monkeypatch):
    link = tmp_path / "link"
    link.symlink_to(root)
    monkeypatch.setenv("NUMGD_CACHE_DIR", str(link))
    assert call() == (True, [])
    root.chmod(0o777)
    found, (warning,) = call()
    assert not found and str(link) in warning


def test_without_users_nothing_is_refused(root, monkeypatch):
    monkeypatch.delattr(os, "geteuid", raising=False)
    root.chmod(0o777)
    assert call() == (True, [])


@posix
def test_planted_source_of_a_derivative_is_not_read(tmp_path, monkeypatch):
    """A second derivative is made of the text of the first one, which is a file too."""
    monkeypatch.setenv("NUMGD_CACHE_DIR", str(tmp_path / "cache"))

    def another_cube():
        def cube(x):
            return x * x * x

        return cube

    assert numgd.hessp(another_cube())(2.0, 1.0) == 12.0
    texts = list((tmp_path / "cache").rglob("grad_of_cube*.py"))
    assert texts
    for text in texts:
        text.write_text(text.read_text().replace("return", "return 5.0 *"))
    for machine_code in (tmp_path / "cache").rglob("*.nbc"):
        machine_code.unlink()
    assert numgd.hessp(another_cube())(2.0, 1.0) == 12.0
    assert not any("5.0 *" in text.read_text() for text in texts)  # the file is that of the text again
    (tmp_path / "cache").chmod(0o777)
    folder.warn_once.cache_clear()
    with pytest.warns(UserWarning, match="everybody can write"):
        assert numgd.hessp(another_cube())(2.0, 1.0) == 12.0


# Damage -----------------------------------------------------------------------------------------------------


def test_a_flipped_bit_is_noticed(root):
    (file,) = root.rglob("tripled*.nbc")
    whole = file.read_bytes()
    for place in np.random.default_rng(1).integers(8 * len(whole), size=200):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        file.write_bytes(damaged)
        assert folder.read_file(file) is None
    assert call() == (False, []) and call() == (True, [])


@pytest.mark.parametrize("left", [0, 10, 32, 1000])
def test_a_file_that_is_cut_off(root, left):
    (file,) = root.rglob("tripled*.nbc")
    file.write_bytes(file.read_bytes()[:left])
    assert call() == (False, []) and call() == (True, [])


def test_code_that_is_used_stays_and_other_code_is_removed_after_a_month(root, monkeypatch):
    (file,) = (root / folder.versions_digest()).glob("tripled*.nbc")
    text, other, fresh = (file.with_name(name) for name in ("old.py", "old.nbc", "new.nbc"))
    for path in (text, other, fresh):
        path.write_bytes(b"")
    two_days_ago, long_ago = time.time() - 2 * folder.DAY, time.time() - 2 * folder.MONTH
    for path in (text, other):
        os.utime(path, (long_ago, long_ago))
    os.utime(file, (two_days_ago, two_days_ago))
    assert call() == (True, [])  # which is a use
    assert file.stat().st_mtime > time.time() - folder.DAY
    folder._forget_old_files.cache_clear()
    file.unlink()
    assert call() == (False, []) and call() == (True, [])
    assert file.exists() and fresh.exists() and not text.exists() and not other.exists()


def test_a_folder_that_cannot_be_written_warns_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("NUMGD_CACHE_DIR", str(tmp_path / "file" / "inside"))
    found, (warning,) = call()
    assert not found and str(tmp_path / "file" / "inside") in warning and "NUMGD_CACHE_DIR" in warning
    assert call() == (False, [])


def test_a_full_disk_warns_once_and_leaves_nothing(root, monkeypatch):
    (file,) = root.rglob("tripled*.nbc")
    file.unlink()

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    found, (warning,) = call()
    assert not found and "No space left" in warning
    assert call() == (False, [])
    assert not [path for path in root.rglob("*") if path.is_file()]


# Where it is ------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"NUMGD_CACHE_DIR": "/a/b"}, "/a/b"),
        ({"NUMGD_CACHE_DIR": "~", "HOME": "/h"}, "/h"),
        ({"NUMGD_CACHE_DIR": "~/b", "HOME": "/h"}, "/h/b"),
        ({"NUMGD_CACHE_DIR": "a~b"}, "CWD/a~b"),
        ({"NUMGD_CACHE_DIR": "."}, "CWD"),
        ({"NUMGD_CACHE_DIR": "", "XDG_CACHE_HOME": "/x"}, "/x/numgd"),
        ({"NUMGD_CACHE_DIR": "~nobody-of-that-name/b", "XDG_CACHE_HOME": "/x"}, "/x/numgd"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/numgd"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/numgd"),
        ({"HOME": ""}, "PASSWD/.cache/numgd"),
        ({"NUMGD_CACHE_DIR": "~/b", "HOME": ""}, "PASSWD/b"),
    ],
)
@pytest.mark.filterwarnings("ignore:numgd uses its usual cache folder")
def test_the_place(variables, expected, tmp_path, monkeypatch):
    import pwd

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.chdir(tmp_path)
    for name in ("NUMGD_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    home = pwd.getpwuid(os.geteuid()).pw_dir
    assert str(folder.cache_root()) == expected.replace("CWD", str(tmp_path)).replace("PASSWD", home)


@posix
def test_a_user_without_a_home(monkeypatch, tmp_path):
    import pwd

    def unknown(number):
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("NUMGD_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    assert folder.cache_root() == tmp_path / f"numgd-{os.geteuid()}"
    assert call() == (False, []) and call() == (True, [])
    monkeypatch.setenv("NUMGD_CACHE_DIR", "~/kept")
    folder.warn_once.cache_clear()
    with pytest.warns(UserWarning, match="home in NUMGD_CACHE_DIR"):
        assert folder.cache_root() == tmp_path / f"numgd-{os.geteuid()}"


def test_a_relative_folder_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMGD_CACHE_DIR", "kept-by-this-test")
    monkeypatch.chdir(tmp_path)
    first = folder.cache_root()
    monkeypatch.chdir(tmp_path.parent)
    assert folder.cache_root() == first == tmp_path / "kept-by-this-test"


@posix
@pytest.mark.parametrize("mode", [0o700, 0o777])
def test_info_says_whether_the_folder_is_used(mode, tmp_path, monkeypatch, capsys):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(mode)
    monkeypatch.setenv("NUMGD_CACHE_DIR", str(tmp_path / "cache"))
    assert cli.main(["info"]) == 0
    assert ("everybody can write" in capsys.readouterr().out) == (mode == 0o777)
