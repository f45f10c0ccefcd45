"""The pages to explore attention: what they hold, when they are written, and how they behave."""

import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import numpy as np
import pytest
from chromium import Browser
from scripted_attention import (
    DOWN,
    SIDES,
    SIZE,
    boxworld_episode,
    cell,
    screen_episode,
    to_agent_or_first_lock,
)

from experiments.attention import template
from experiments.attention.colors import (
    ARROW_COLORS,
    channels,
    contrast,
    hexadecimal,
)
from experiments.attention.output import picture_names, write_output
from experiments.attention.page import make_page
from experiments.attention.screen_page import make_screen_page
from experiments.attention.summary import LOOKING, NOTE, summarise
from experiments.attention.template import render

FOLDER = Path(template.__file__).parent / "page"
KEY_1, LOCK_D1 = cell(1, 2), cell(3, 6)


class Page(HTMLParser):
    """The elements of a page by id, what it links to, and its data."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.data = {}, set(), None
        self._in_data = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if "id" in found:
            assert found["id"] not in self.ids
            self.ids[found["id"]] = tag
        self.links |= {found[name] for name in ("href", "src") if found.get(name, "#") != "#"}
        self._in_data = found.get("id") == "data"

    def handle_data(self, data):
        if self._in_data:
            self.data = json.loads(data)
            self._in_data = False


@pytest.fixture(scope="module")
def boxworld_page():
    """The page of two steps, between names that are no HTML."""
    episode = boxworld_episode(to_agent_or_first_lock, actions=(DOWN, DOWN))
    episode = episode._replace(environment="</script><b>Box")
    rows = summarise([episode])
    return make_page(episode, rows, "levels <3..5", picture_names(2), "episode.gif", "table.csv")


@pytest.fixture(scope="module")
def screen_page():
    """The page of a mini-game, its second step blind to where it acts."""
    episode = screen_episode()
    steps = episode.steps[0], episode.steps[1]._replace(number=6, place=None, target=None)
    return make_screen_page(episode._replace(steps=steps), picture_names(2), "episode.gif")


def test_the_page_holds_the_episode(boxworld_page):
    page = Page(boxworld_page)
    assert "Mean attention over levels &lt;3..5 from" in boxworld_page
    assert "<b>" not in boxworld_page
    assert page.data["pictures"] == ["step_001.png", "step_002.png"]
    step = page.data["steps"][1]
    labels = [thing["label"] for thing in step["things"]]
    # Only what weighs something is kept: lock 1 and lock D1.
    key = step["sources"].index(labels.index("key 1"))
    assert sorted(step["weights"][0][1][key]) == [[cell(3, 2), 0.75], [LOCK_D1, 0.25]]
    board = [ord(character) - ord("a") for character in step["board"]]
    assert len(board) == SIZE * SIZE
    assert page.data["palette"][board[cell(2, 1)]] == "#808080"  # the agent, one step down
    assert page.links == {"episode.gif", "table.csv"}
    assert "http" not in boxworld_page
    colors = {thing["label"]: thing["color"] for thing in step["things"]}
    assert (colors["agent"], colors["key 1"]) == (None, "red (colour 0)")


def test_the_table_of_means_has_a_column_for_every_head(boxworld_page):
    table = boxworld_page[boxworld_page.index('<table id="means">') :]
    rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td>(.*?)</tr>", table, re.DOTALL)
    (cells,) = (
        line for source, target, line in rows if (source, target) == ("key", "locks it opens")
    )
    # Over keys 1 and 2: all of 3/4 + 1/4, and nothing; of ten entities three are such locks.
    assert re.findall(r">(\S+)\s*<small>(\S+)</small>", cells) == [
        ("0.0%", "0.0x"),
        ("50%", "3.3x"),
        ("15%", "1.0x"),
        ("15%", "1.0x"),
    ]
    assert "background:rgba(0,87,184,0.30)" in cells
    assert 'title="over 4 objects and steps; uniform share 15%"' in cells


def test_the_page_of_a_mini_game_holds_the_episode(screen_page):
    page = Page(screen_page)
    assert "Played on: stand-in. 20 steps of the greedy policy, score 9; 2 steps are shown" in (
        screen_page
    )
    data = page.data
    assert (data["rows"], data["columns"], data["blocks"], data["heads"]) == (2, 4, 1, 2)
    assert [step["number"] for step in data["steps"]] == [4, 7]
    assert [step["target"] for step in data["steps"]] == [6, None]
    step = data["steps"][0]
    assert step["own"] == [0, 7]
    assert step["sides"] == "".join(map(str, SIDES.ravel()))
    assert step["weights"][0][0][3] == [0, 0, 0, 0, 0, 1000, 0, 0]
    assert page.links == {"episode.gif"}
    assert "http" not in screen_page


def test_pages_say_what_attention_does_not_show(boxworld_page, screen_page):
    told = " ".join(boxworld_page.split()).replace("&#39;", "'")
    assert NOTE in told and LOOKING in NOTE
    assert LOOKING in screen_page and NOTE not in screen_page
    assert "claim" not in told and "The paper found" not in told


def test_every_element_that_a_script_asks_for_is_there(boxworld_page, screen_page):
    for text, script in ((boxworld_page, "boxworld.js"), (screen_page, "screen.js")):
        sources = [(FOLDER / name).read_text() for name in ("player.js", script)]
        asked = {name for source in sources for name in re.findall(r'element\("(\w+)"\)', source)}
        assert len(asked) > 10
        assert asked <= set(Page(text).ids)
        assert all(source in text for source in sources)  # unchanged by the template


def test_a_template_without_a_value_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="'title' is undefined"):
        render("screen.html", {})


def test_text_can_be_read_in_both_schemes():
    css = (FOLDER / "page.css").read_text()
    pairs = dict(re.findall(r"--(\w+): light-dark\((#\w+, #\w+)\);", css))
    for scheme in range(2):
        color = {name: pair.split(", ")[scheme] for name, pair in pairs.items()}
        for ground, text in itertools.product(("paper", "panel"), ("ink", "quiet", "link")):
            assert contrast(color[text], color[ground]) >= 4.5
        assert contrast(color["edge"], color["paper"]) >= 3  # the outlines of controls
        # The darkest shade of the table of means, 60 % of its blue.
        shade = 0.6 * np.array((0, 87, 184)) + 0.4 * np.array(channels(color["paper"]))
        assert contrast(color["ink"], hexadecimal(shade.astype(int).tolist())) >= 4.5
        for mark in ARROW_COLORS.values():
            assert contrast(mark, color["track"]) >= 3


def test_the_page_is_there_before_the_first_picture(tmp_path):
    folder = tmp_path / "new" / "folder"
    drawn = []

    def draw(index):
        drawn.append({path.name for path in folder.iterdir()})
        if index == 2:
            raise KeyboardInterrupt
        return np.full((2, 3, 3), index, np.uint8)

    texts = {"index.html": "the page", "table.csv": "a,b"}
    with pytest.raises(KeyboardInterrupt):
        write_output(folder, texts, picture_names(3), draw, "episode.gif")
    assert drawn[0] == set(texts)
    left = {path.name for path in folder.iterdir()}
    assert left == {"index.html", "table.csv", "step_001.png", "step_002.png"}
    assert (folder / "index.html").read_text() == "the page"


def test_a_shorter_episode_leaves_nothing_of_a_longer_one(tmp_path):
    def draw(index):
        return np.full((2, 3, 3), 100 * index, np.uint8)

    write_output(tmp_path, {"index.html": "1"}, picture_names(3), draw, "episode.gif")
    first = (tmp_path / "episode.gif").read_bytes()
    write_output(tmp_path, {"index.html": "2"}, picture_names(2), draw, "episode.gif")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == picture_names(2)
    assert (tmp_path / "episode.gif").read_bytes() != first
    assert (tmp_path / "index.html").read_text() == "2"


@pytest.fixture(scope="module")
def browser(tmp_path_factory, boxworld_page, screen_page):
    """A browser and the folder of both pages, without pictures; skipped without Chromium."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "boxworld.html").write_text(boxworld_page)
    (folder / "screen.html").write_text(screen_page)
    with Browser() as browser:
        yield browser, folder


@pytest.mark.parametrize("name", ["boxworld.html", "screen.html"])
def test_pages_fit_every_window(browser, name):
    browser, folder = browser
    grounds = []
    for width, scheme in ((360, "light"), (3840, "dark")):
        browser.open(folder / name, width, scheme)
        assert browser.run("document.documentElement.scrollWidth") <= width
        grounds.append(browser.run("getComputedStyle(document.body).backgroundColor"))
        assert browser.run("element('theme').textContent") != scheme
    browser.run("element('theme').click()")
    grounds.append(browser.run("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(21, 23, 28)", "rgb(255, 255, 255)"]
    assert browser.run("element('theme').textContent") == "dark"


def test_keys_act_once_wherever_the_focus_is(browser):
    browser, folder = browser
    browser.open(folder / "boxworld.html", 1280)

    def after(focus, *keys):
        browser.run(f"go(0); if (state.timer) play(); {focus}")
        browser.press(*keys)
        return browser.run("[state.step, state.timer !== null]")

    for focus in ("document.activeElement.blur()", "element('back').focus()"):
        assert after(focus, "ArrowRight") == [1, False]
        assert after(focus, "End", "ArrowLeft") == [0, False]
        assert after(focus, "p")[1]
        assert after(focus, "p", "p") == [0, False]
    assert after("element('forward').focus()", " ") == [1, False]  # the button, and no playing
    assert after("element('play').focus()", " ")[1]
    assert after("document.activeElement.blur()", " ")[1]
    assert after("element('step').focus()", "ArrowRight") == [1, False]
    # A button that chooses keeps the focus.
    assert after("document.querySelector('#heads button:last-child').focus()", " ") == [0, False]
    assert browser.run("[state.head, document.activeElement.dataset.value]") == [1, "1"]


def test_every_object_of_the_board_can_be_reached_by_key(browser):
    browser, folder = browser
    browser.open(folder / "boxworld.html", 1280)
    labels = browser.run("[...document.querySelectorAll('.thing')].map((t) => t.ariaLabel)")
    assert labels[:3] == [
        "agent, row 1, column 1",
        "key 1, red (colour 0), row 1, column 2",
        "lock 1, red (colour 0), row 3, column 2",
    ]
    assert "lock D1, distractor, red (colour 0), row 3, column 6" in labels
    focused = "document.activeElement.dataset.name"
    browser.run("element('others').focus()")
    browser.press("Tab")
    reached = [browser.run(focused)]
    for way in ("ArrowRight", "ArrowDown", "ArrowRight"):
        browser.press(way)
        reached.append(browser.run(focused))
    assert reached == ["agent", "key 1", "lock 1", "key D1"]
    assert browser.run("state.step") == 0
    browser.press("ArrowRight", "Enter")
    chosen = "[state.source, element('source').value, document.activeElement.ariaPressed]"
    assert browser.run(chosen) == ["lock D1", "lock D1", "true"]
    assert browser.run("element('heading').textContent") == "What lock D1 attends to"
    ring = "getComputedStyle(document.activeElement.querySelector('.ring')).display"
    assert browser.run(ring) == "inline"
    browser.press("Enter")
    assert browser.run("state.source") == ""
    browser.press("Tab")  # one stop for the whole board
    assert browser.run("element('board').contains(document.activeElement)") is False


def test_cells_of_a_screen_are_chosen_by_key(browser):
    browser, folder = browser
    browser.open(folder / "screen.html", 1280)
    browser.run("document.querySelector('.thing').focus()")
    browser.press("ArrowRight", "ArrowDown", "Enter")
    assert browser.run("[state.source, element('source').value]") == ["5", "5"]
    assert browser.run("document.activeElement.ariaLabel") == "row 2, column 2: 100%"
    assert browser.run("document.querySelector('.thing').ariaLabel") == (
        "row 1, column 1: 0.0%, own units"
    )
    browser.run("state.source = 'where it acts'; go(1)")
    assert browser.run("element('heading').textContent") == "No such cell at this step"


def test_what_is_gone_stays_chosen_for_the_steps_that_have_it(browser):
    browser, folder = browser
    browser.open(folder / "boxworld.html", 1280)
    shown = "[element('source').selectedOptions[0].text, element('heading').textContent]"
    browser.run("choose('key 1'); data.steps[1].things[1].label = 'gone'; go(1)")
    assert browser.run(shown) == ["every object", "What each object attends to most"]
    browser.run("go(0)")
    assert browser.run(shown) == ["key 1", "What key 1 attends to"]
