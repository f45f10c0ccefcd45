"""The line that tells how a run is going."""

import io
import math

from relational_rl.run.hooks.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self):
        return True


FIELDS = {
    "frames": 250_000,
    "frames_per_second": 12_345.0,
    "episode_return": 9.876,
    "solved": 0.756,
    "entropy": 0.523,
    "policy_lag": 1.25,
    "curriculum_stage": 3,
    "policy_loss": -17.0,
}
DESCRIPTION = "12.3k/s, solved 76 %, return 9.88, stage 4 of 5, entropy 0.52, lag 1.2"


def test_plain_lines_come_no_more_often_than_the_interval():
    stream, now = io.StringIO(), [100.0]
    line = ProgressLine(1_000_000, 0, stream, interval=10.0, clock=lambda: now[0], num_stages=5)
    for _ in range(101):
        now[0] += 0.5
        frames = int((now[0] - 100.0) * 10_000)
        line.update(frames, frames / 1e6, FIELDS)
    line.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 6
    assert lines[0] == f"0 %: 5.00k of 1.00M frames, 01:39 left, {DESCRIPTION}"
    assert lines[-1] == f"50 %: 505k of 1.00M frames, 00:49 left, {DESCRIPTION}"


def test_closing_prints_the_last_update_once():
    stream = io.StringIO()
    line = ProgressLine(1000, 0, stream, interval=10.0, clock=lambda: 0.0)
    line.update(10, 0.01, {})
    line.update(1000, 1.0, {"solved": 1.0})
    line.close()
    assert stream.getvalue().splitlines()[1:] == [
        "100 %: 1.00k of 1.00k frames, 00:00 left, solved 100 %"
    ]


def test_fields_keep_their_last_value_and_unknown_ones_are_left_out():
    stream = io.StringIO()
    line = ProgressLine(1000, 500, stream, interval=0.0, clock=lambda: 0.0, initial_share=0.5)
    line.update(500, 0.5, {"solved": math.nan, "episode_return": 2.0})
    line.update(600, 0.6, {"entropy": 0.5})
    line.close()
    assert stream.getvalue().splitlines() == [
        "50 %: 500 of 1.00k frames, ? left, return 2.00",
        "60 %: 600 of 1.00k frames, 00:00 left, return 2.00, entropy 0.50",
    ]


def test_the_time_left_counts_from_where_the_run_resumed():
    stream, now = io.StringIO(), [0.0]
    line = ProgressLine(1000, 500, stream, interval=0.0, clock=lambda: now[0], initial_share=0.5)
    now[0] = 60.0
    line.update(600, 0.6, {})
    assert "04:00 left" in stream.getvalue()


def test_a_terminal_gets_a_bar():
    stream = Terminal()
    line = ProgressLine(1_000_000, 100_000, stream, num_stages=5)
    line.update(250_000, 0.25, FIELDS)
    line.close()
    last = stream.getvalue().split("\r")[-1]
    assert last.startswith(" 25 % |")
    assert "250k/1.00M frames" in last
    assert " left, " + DESCRIPTION in last
    assert last.endswith("\n")


def test_a_message_stands_on_a_line_of_its_own():
    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        line = ProgressLine(1000, 0, stream)
        line.update(10, 0.01, {})
        line.message("stage 2")
        line.update(20, 0.02, {})
        line.close()
    assert "stage 2" in plain.getvalue().splitlines()
    # On a terminal the bar is wiped, the message takes its line, and the bar comes back.
    before, after = terminal.getvalue().split("stage 2\n")
    assert before.endswith("\r")
    assert "frames" in after
