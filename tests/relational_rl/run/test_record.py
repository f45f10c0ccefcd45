"""The record of a run: what a spreadsheet, TensorBoard and a terminal get to see."""

import csv
import math
import os
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from relational_rl.run import curve
from relational_rl.run.curve import draw_learning_curve
from relational_rl.run.table import Table, read_metrics


def write(run_dir, rows, resume_step=None):
    writer = Table(run_dir / "metrics.csv", resume_step)
    for row in rows:
        writer.write(row)
    writer.close()


def table(run_dir):
    with (run_dir / "metrics.csv").open(newline="") as file:
        return list(csv.reader(file))


def row(frames, **others):
    return {"frames": frames, "solved": frames / 1000, **others}


# --- The table ----------------------------------------------------------------------------


def test_the_table_holds_what_was_written(tmp_path):
    run_dir = tmp_path / "new" / "run"
    write(
        run_dir,
        [
            {"frames": 2**33, "minutes": 1 / 3, "solved": math.nan, "lag": np.float32(0.1)},
            {"frames": 2**34, "minutes": 2, "solved": 1.0, "lag": math.inf},
        ],
    )
    assert (run_dir / "metrics.csv").read_text() == (
        "frames,minutes,solved,lag\n8589934592,0.33333333,,0.1\n17179869184,2,1,inf\n"
    )
    columns = read_metrics(run_dir / "metrics.csv")
    np.testing.assert_array_equal(columns["frames"], [2**33, 2**34])
    np.testing.assert_array_equal(columns["solved"], [np.nan, 1.0])


def test_every_row_is_on_the_disk_at_once(tmp_path):
    writer = Table(tmp_path / "metrics.csv")
    assert read_metrics(tmp_path / "metrics.csv") == {}
    for frames in (1, 2, 3):
        writer.write(row(frames))
        np.testing.assert_array_equal(
            read_metrics(tmp_path / "metrics.csv")["frames"], np.arange(1, frames + 1)
        )
    writer.close()


def test_missing_numbers_are_empty_and_new_ones_widen_the_table(tmp_path):
    write(tmp_path, [row(1), {"frames": 2}, {"loss": 0.5, "frames": 3}, row(4)])
    assert table(tmp_path) == [
        ["frames", "solved", "loss"],
        ["1", "0.001", ""],
        ["2", "", ""],
        ["3", "", "0.5"],
        ["4", "0.004", ""],
    ]


def test_resuming_drops_rows_beyond_the_restored_frames(tmp_path):
    write(tmp_path, [row(10), row(20), row(30), row(40)])
    write(tmp_path, [row(25), row(35)], resume_step=20)
    assert [line[0] for line in table(tmp_path)] == ["frames", "10", "20", "25", "35"]
    write(tmp_path, [row(36)], resume_step=35)
    assert [line[0] for line in table(tmp_path)] == ["frames", "10", "20", "25", "35", "36"]


def test_a_new_record_starts_empty(tmp_path):
    write(tmp_path, [row(10)])
    write(tmp_path, [{"frames": 5, "other": 1}])
    assert table(tmp_path) == [["frames", "other"], ["5", "1"]]


@pytest.mark.parametrize("resume_step", [0, 100])
def test_resuming_without_a_table_starts_one(tmp_path, resume_step):
    write(tmp_path, [row(110)], resume_step=resume_step)
    assert [line[0] for line in table(tmp_path)] == ["frames", "110"]


def test_a_kill_in_any_line_costs_that_line_only(tmp_path):
    write(tmp_path, [row(10), row(20), row(30)])
    path = tmp_path / "metrics.csv"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        complete = [10, 20, 30][: max(whole[:length].count(b"\n") - 1, 0)]
        assert read_metrics(path).get("frames", np.zeros(0)).tolist() == complete
        if length % 5 == 0 or length > len(whole) - 3:
            write(tmp_path, [row(99)], resume_step=50)
            kept = lines[1 : 1 + len(complete)]
            assert path.read_bytes() == b"".join([lines[0], *kept, b"99,0.099\n"])


@pytest.mark.parametrize("call", [(os, "fsync"), (Path, "replace")], ids=lambda call: call[1])
def test_resuming_replaces_the_table_in_one_step(tmp_path, monkeypatch, call):
    write(tmp_path, [row(10), row(20)])
    before = (tmp_path / "metrics.csv").read_bytes()

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*call, refuse)
    with pytest.raises(OSError, match="No space left on device"):
        Table(tmp_path / "metrics.csv", resume_step=10)
    assert (tmp_path / "metrics.csv").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["metrics.csv"]


@pytest.mark.parametrize("frames", [{}, {"frames": math.nan}])
def test_frames_must_be_there(tmp_path, frames):
    writer = Table(tmp_path / "metrics.csv")
    with pytest.raises(ValueError, match="metrics must hold a finite number of frames, got nan"):
        writer.write({"solved": 1.0, **frames})
    writer.close()


def test_a_full_disk_names_the_file(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    writer = Table(tmp_path / "metrics.csv")
    writer.write(row(1))
    writer._file.close()
    writer._file = open("/dev/full", "w")  # noqa: SIM115
    with pytest.raises(OSError, match=r"No space left on device: .*metrics\.csv"):
        writer.write(row(2))
    with pytest.raises(OSError, match="No space left"):
        writer._file.close()


def test_a_row_of_another_length_is_left_out(tmp_path):
    write(tmp_path, [row(10)])
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("20\n30,0.03,7\n40,0.04\n")
    assert read_metrics(tmp_path / "metrics.csv")["frames"].tolist() == [10, 40]


def test_reading_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no metrics file .*metrics\.csv"):
        read_metrics(tmp_path / "metrics.csv")


def test_a_file_that_is_no_table_is_kept_beside_the_new_one(tmp_path):
    path = tmp_path / "metrics.csv"
    for content in (b"\xff\x00\x80 binary\n" * 9, b"a,b\n1,2\n", b'"unclosed\n'):
        path.write_bytes(content)
        assert read_metrics(path) == {}
        write(tmp_path, [row(10)], resume_step=5)
        assert [line[0] for line in table(tmp_path)] == ["frames", "10"]
        assert (tmp_path / "metrics.csv.damaged").read_bytes() == content


# --- The picture --------------------------------------------------------------------------


def made_up_run(number=300, stages=(0.1, 0.3, 0.31)):
    for i in range(1, number + 1):
        share = i / number
        solved = 0.5 + 0.4 * math.sin(9.0 * share)
        yield {
            "frames": 1000 * i,
            "minutes": 3.0 + 10.0 * share**2,
            "solved": solved if i > 3 else math.nan,
            "episode_return": 11.0 * solved - 1.0,
            "curriculum_stage": sum(share > stage for stage in stages),
        }


def drawn_figure(monkeypatch, csv_path, png_path):
    """Draw, and return the figure that was drawn too."""
    figures = []
    original = curve.FigureCanvasAgg
    monkeypatch.setattr(
        curve, "FigureCanvasAgg", lambda figure: figures.append(figure) or original(figure)
    )
    draw_learning_curve(csv_path, png_path)
    return figures[0]


def test_the_curve_shows_both_numbers_and_the_stages(tmp_path, monkeypatch):
    write(tmp_path, made_up_run())
    figure = drawn_figure(monkeypatch, tmp_path / "metrics.csv", tmp_path / "curve.png")
    solved, returns, minutes = figure.axes
    assert solved.get_ylabel() == "episodes solved (%)"
    assert returns.get_ylabel() == "return of an episode"
    assert returns.get_xlabel() == "environment frames"
    assert minutes.get_xlabel() == "minutes of training"
    for axes, name, scale in ((solved, "solved", 100.0), (returns, "episode_return", 1.0)):
        faint = max(axes.lines, key=lambda line: len(line.get_xdata()))
        rows = [r for r in made_up_run() if not math.isnan(r[name])]
        np.testing.assert_array_equal(faint.get_xdata(), [r["frames"] for r in rows])
        np.testing.assert_allclose(faint.get_ydata(), [scale * r[name] for r in rows], rtol=1e-6)
        verticals = {line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1}
        assert verticals == {31_000, 91_000, 94_000}
    # The third stage has no room beside the second.
    assert [text.get_text() for text in solved.texts] == ["stage 2", "stage 3"]
    # A tick of the upper axis stands where the run was at that minute.
    frames, times = zip(*((r["frames"], r["minutes"]) for r in made_up_run()), strict=True)
    for tick, label in zip(minutes.get_xticks(), minutes.get_xticklabels(), strict=True):
        expected = np.interp(float(label.get_text()), [0.0, *times], [0.0, *frames])
        assert tick == pytest.approx(expected, rel=1e-5)
    assert len(minutes.get_xticks()) >= 5
    picture = matplotlib.image.imread(tmp_path / "curve.png")
    assert picture.shape[:2] == (768, 960)
    assert sorted(os.listdir(tmp_path)) == ["curve.png", "metrics.csv"]


def test_the_curve_is_smoothed_within_a_stage_only(tmp_path, monkeypatch):
    rows = [
        {"frames": i, "episode_return": float(i > 400), "curriculum_stage": int(i > 400)}
        for i in range(1, 801)
    ]
    write(tmp_path, rows)
    figure = drawn_figure(monkeypatch, tmp_path / "metrics.csv", tmp_path / "curve.png")
    (axes,) = figure.axes
    pieces = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 400]
    assert [set(piece) for piece in pieces] == [{0.0}, {1.0}]


def test_the_moving_mean_by_a_loop():
    values = np.random.default_rng(0).normal(size=30)
    for window in (0, 1, 4, 50):
        expected = [values[max(i - window, 0) : i + window + 1].mean() for i in range(30)]
        np.testing.assert_allclose(curve._moving_mean(values, window), expected, rtol=1e-9)


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_a_run_that_has_just_begun_has_a_curve_too(tmp_path, number):
    write(tmp_path, made_up_run(number))
    draw_learning_curve(tmp_path / "metrics.csv", tmp_path / "curve.png")
    assert matplotlib.image.imread(tmp_path / "curve.png").std() > 0.0


def test_a_game_without_success_has_one_panel(tmp_path, monkeypatch):
    write(tmp_path, [{"frames": i, "episode_return": i} for i in range(1, 9)])
    figure = drawn_figure(monkeypatch, tmp_path / "metrics.csv", tmp_path / "curve.png")
    assert [axes.get_ylabel() for axes in figure.axes] == ["return of an episode"]


def test_a_failed_drawing_leaves_the_old_picture(tmp_path, monkeypatch):
    write(tmp_path, made_up_run(10))
    (tmp_path / "curve.png").write_bytes(b"old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        draw_learning_curve(tmp_path / "metrics.csv", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["curve.png", "metrics.csv"]
