"""What the README promises of itself: short, and nothing in it points nowhere."""

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_is_short():
    assert len(README.splitlines()) <= 170


def test_every_file_it_points_to_exists():
    targets = re.findall(r"!?\[[^\]]*\]\((?!http)([^)#]+)[^)]*\)", README)
    targets += re.findall(r"`([a-z_]+/[A-Za-z_./]+\.(?:py|md))`", README)
    targets += [line.split()[0] for line in README.splitlines() if re.match(r"    \w+/ ", line)]
    assert len(targets) > 12
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing


def test_every_make_target_and_extra_it_names_exists():
    targets = set(re.findall(r"\bmake ([a-z]+)", README))
    assert {"demo", "reproduce", "test", "docs"} <= targets
    makefile = (ROOT / "Makefile").read_text()
    assert not [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)]
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = set(re.findall(r"'\.\[(\w+)\]'", README))
    assert {"train", "sc2", "examples"} <= extras <= set(setup["options.extras_require"])
