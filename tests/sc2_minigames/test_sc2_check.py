"""Every failure of the preflight, on made-up installations."""

import stat
import sys

import pytest

pytest.importorskip("pysc2")

from sc2_minigames import check
from sc2_minigames.maps import MINI_GAMES
from sc2_minigames.standin import installation as standin_installation

ALL = list(MINI_GAMES.values())


@pytest.fixture
def installation(tmp_path):
    """A made-up installation which passes every step up to the start of the game."""
    make_program(tmp_path, "exit 0")
    for game in ALL:
        path = tmp_path / "Maps" / game.map_file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a made-up map")
    return tmp_path


def make_program(directory, script, build="Base75689"):
    path = directory / "Versions" / build / "SC2_x64"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def failure(directory, *arguments):
    """Runs the command and returns what it printed; it must have failed."""
    lines = []
    assert not check.run_checks(directory, ALL, 3, lines.append)
    assert lines[-1].startswith("[!!] ")
    assert not any(line.startswith("[!!]") for line in lines[:-1])
    return lines[-1]


def test_pysc2_missing(monkeypatch, installation):
    for name in [n for n in sys.modules if n == "pysc2" or n.startswith("pysc2.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pysc2", None)  # Python's way to say "not installed".
    text = failure(installation)
    assert "PySC2 cannot be imported" in text
    assert "pip install" in text


def test_no_folder_names_the_variable_the_licence_and_the_download(tmp_path, monkeypatch):
    monkeypatch.delenv("SC2PATH", raising=False)
    text = failure(tmp_path / "nowhere")
    assert f"must be a folder at {tmp_path / 'nowhere'}" in text
    assert "SC2PATH is not set" in text
    assert "Licence" in text
    assert check.GAME_PAGE in text


def test_the_default_folder_comes_from_sc2path(tmp_path, monkeypatch):
    monkeypatch.setenv("SC2PATH", str(tmp_path / "elsewhere"))
    text = failure(None)
    assert f"{tmp_path / 'elsewhere'} (SC2PATH says so)" in text


def test_no_versions(tmp_path):
    (tmp_path / "Versions" / "Shaders").mkdir(parents=True)
    text = failure(tmp_path)
    assert "must hold a folder Base<number>" in text
    assert "['Shaders']" in text


def test_a_version_that_is_no_number(installation):
    (installation / "Versions" / "Base75689.old").mkdir()
    text = failure(installation)
    assert "'Base75689.old'" in text
    assert "Move it elsewhere" in text


def test_no_program_in_the_newest_version(installation):
    (installation / "Versions" / "Base80000").mkdir()
    text = failure(installation)
    assert "Base80000" in text
    assert "there is none" in text


def test_program_not_executable(installation):
    path = make_program(installation, "exit 0")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert f"chmod +x '{path}'" in failure(installation)


def test_a_map_is_missing(installation):
    (installation / "Maps/mini_games/BuildMarines.SC2Map").unlink()
    text = failure(installation)
    assert "mini_games/BuildMarines.SC2Map must exist" in text
    assert "1 of 7" in text
    assert check.MAPS_PAGE in text


def test_a_map_is_empty(installation):
    (installation / "Maps/mini_games/DefeatRoaches.SC2Map").write_bytes(b"")
    assert "DefeatRoaches.SC2Map must not be empty" in failure(installation)


def test_maps_that_were_not_asked_for_may_be_missing(installation):
    (installation / "Maps/mini_games/BuildMarines.SC2Map").unlink()
    lines = []
    check.run_checks(installation, [MINI_GAMES["MoveToBeacon"]], 3, lines.append)
    assert lines[3].startswith("[ok] 1 map found")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'SC2: version `GLIBC_2.99 not found' >&2; exit 1", ["exit code 1", "C library"]),
        (
            "echo 'error while loading shared libraries: libodd.so.1: cannot open' >&2; exit 127",
            ["exit code 127", "libodd.so.1 is missing"],
        ),
        ("echo 'last words'; kill -SEGV $$", ["11 (SIGSEGV)", "last words"]),
        ("sleep 0.6; echo 'too late'; exit 3", ["exit code 3", "too late"]),
        ("exec sleep 60", ["must start and listen within 3 seconds", "printed nothing"]),
    ],
)
def test_the_game_dies_or_hangs_at_start(installation, script, expected):
    make_program(installation, script)
    text = failure(installation)
    for words in expected:
        assert words in text


def test_only_the_last_lines_are_shown(installation):
    make_program(installation, "seq 1 500; exit 1")
    text = failure(installation)
    assert "\n    500\n" in text
    assert "\n    481\n" in text
    assert "\n    480\n" not in text


def test_a_program_for_another_machine(installation):
    make_program(installation, "").write_bytes(b"\x7fELF nonsense")
    assert "could not be run" in failure(installation)


def test_the_command_exits_with_one_and_refuses_nonsense(tmp_path, capsys):
    assert check.main([f"--directory={tmp_path / 'none'}"]) == 1
    assert "cannot be played yet" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        check.main(["--timeout=0"])
    assert stop.value.code == 2
    assert "--timeout must be at least 1 second, got 0" in capsys.readouterr().err


def test_an_installation_that_works(capsys):
    assert check.main(["--game=standin"]) == 0
    out = capsys.readouterr().out
    assert out.count("[ok]") == 5
    assert "(version 4.10.0-stand-in) and loads 7 of 7 maps" in out
    assert "The stand-in of the mini-games can be played." in out


def test_a_map_that_does_not_load(capsys):
    directory = standin_installation.make()
    try:
        (directory / "Maps/mini_games/BuildMarines.SC2Map").write_bytes(b"of a newer editor")
        assert check.main([f"--directory={directory}"]) == 1
    finally:
        standin_installation.remove(directory)
    out = capsys.readouterr().out
    assert "must load mini_games/BuildMarines.SC2Map (maps of a newer editor" in out
    assert "The mini-games cannot be played yet." in out
