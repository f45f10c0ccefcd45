"""The program: sockets, misbehaving clients, and its own end."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("pysc2")

import websocket

import sc2_minigames  # noqa: F401 - makes the protocol importable

from s2clientprotocol import query_pb2  # isort: skip
from s2clientprotocol import sc2api_pb2 as sc

from sc2_minigames.standin import installation, server
from sc2_minigames.standin import websocket as server_websocket

PATIENCE = 120.0


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


@contextlib.contextmanager
def running_server():
    """A server as PySC2 starts it; yields (process, port)."""
    directory = installation.make()
    port = free_port()
    program = directory / "Versions" / f"Base{installation.BUILD}" / "SC2_x64"
    process = subprocess.Popen(
        [program, "-listen", "127.0.0.1", "-port", str(port), "-dataDir", f"{directory}/"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline().startswith(installation.READY_LINE)
        yield process, port
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stdout.close()
        installation.remove(directory)


def connect(port):
    return websocket.create_connection(f"ws://127.0.0.1:{port}/sc2api", timeout=PATIENCE)


def ask(connection, **request):
    connection.send(sc.Request(**request).SerializeToString(), websocket.ABNF.OPCODE_BINARY)
    return sc.Response.FromString(connection.recv())


def pings(port):
    connection = connect(port)
    try:
        return ask(connection, ping=sc.RequestPing()).ping.base_build == installation.BUILD
    finally:
        connection.close()


def test_bad_clients_do_not_stop_it_and_quit_does(monkeypatch):
    with running_server() as (process, port):
        # One that connects and vanishes.
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        # One that asks for another address, one that speaks no websocket.
        for request in (b"GET /other HTTP/1.1\r\n\r\n", b"GET /sc2api HTTP/1.1\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
                sock.sendall(request)
                assert sock.recv(100).split()[1] in (b"404", b"400")
        # One that leaves in the middle of a message.
        connection = connect(port)
        connection.sock.sendall(b"\x82\xfe\xff")
        connection.sock.close()
        # One that sends an unmasked frame.
        connection = connect(port)
        connection.sock.sendall(b"\x82\x02hi")
        assert connection.sock.recv(10) == b""
        connection.sock.close()
        # One that sends garbage, a request nobody knows, and a message in pieces.
        connection = connect(port)
        connection.send(b"\xff\xff", websocket.ABNF.OPCODE_BINARY)
        assert "no message" in sc.Response.FromString(connection.recv()).error[0]
        assert "query" in ask(connection, query=query_pb2.RequestQuery()).error[0]
        data = sc.Request(id=3, ping=sc.RequestPing()).SerializeToString()
        first = websocket.ABNF(0, 0, 0, 0, websocket.ABNF.OPCODE_BINARY, 1, data[:2])
        last = websocket.ABNF(1, 0, 0, 0, websocket.ABNF.OPCODE_CONT, 1, data[2:])
        connection.send_frame(first)
        connection.ping("are you there")
        connection.send_frame(last)
        assert sc.Response.FromString(connection.recv()).id == 3
        connection.close()
        # And it still works.
        assert pings(port)
        connection = connect(port)
        connection.send(
            sc.Request(quit=sc.RequestQuit()).SerializeToString(), websocket.ABNF.OPCODE_BINARY
        )
        assert process.wait(PATIENCE) == 0
        connection.close()


def connected_sockets():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname(), PATIENCE)
        ours, _ = listener.accept()
    return ours, theirs


def test_half_a_message_is_given_up(monkeypatch):
    monkeypatch.setattr(server_websocket, "MESSAGE_SECONDS", 0.2)
    monkeypatch.setattr(server_websocket, "TICK_SECONDS", 0.05)
    ours, theirs = connected_sockets()
    theirs.sendall(b"GET /sc2api HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n")
    with ours, theirs:
        connection = server_websocket.Connection(ours, "/sc2api", lambda: False)
        theirs.sendall(b"\x82\x85\x00")
        with pytest.raises(server_websocket.ConnectionLostError, match="must be complete in"):
            connection.receive()


def test_waiting_for_a_message_ends_when_it_must(monkeypatch):
    monkeypatch.setattr(server_websocket, "TICK_SECONDS", 0.05)
    ours, theirs = connected_sockets()
    theirs.sendall(b"GET /sc2api HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n")
    stop = []
    with ours, theirs:
        connection = server_websocket.Connection(ours, "/sc2api", lambda: bool(stop))
        stop.append(True)
        with pytest.raises(server_websocket.ConnectionLostError, match="stopping"):
            connection.receive()


def test_ten_at_once():
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(running_server()) for _ in range(10)]
        connections = [connect(port) for _, port in servers]
        for connection in connections:
            assert ask(connection, ping=sc.RequestPing()).status == sc.launched
            connection.close()


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads /proc")
@pytest.mark.parametrize("is_connected", [True, False])
def test_no_orphan_when_the_parent_is_killed(tmp_path, is_connected, repository_root):
    port = free_port()
    temporary = tmp_path / "sc-made-by-pysc2"
    temporary.mkdir()
    parent = f"""
import subprocess, sys, time
sys.path.insert(0, {str(repository_root)!r})
from sc2_minigames.standin import installation
directory = installation.make()
program = directory / "Versions" / "Base{installation.BUILD}" / "SC2_x64"
arguments = ["-listen", "127.0.0.1", "-port", "{port}", "-dataDir", f"{{directory}}/"]
child = subprocess.Popen(
    [program, *arguments, "-tempDir", "{temporary}/"], stdout=subprocess.PIPE, text=True
)
child.stdout.readline()
if {is_connected}:
    import websocket
    keep = websocket.create_connection("ws://127.0.0.1:{port}/sc2api", timeout=10)
print(child.pid, directory, flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    try:
        pid, directory = process.stdout.readline().split()
        assert is_running(pid)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
        wait_until(lambda: not is_running(pid), "the server's end")
        wait_until(lambda: not os.path.exists(directory), "the removal of the installation")
        wait_until(lambda: not temporary.exists(), "the removal of PySC2's temporary folder")
    finally:
        process.kill()
        process.stdout.close()


def test_a_server_that_nobody_visits_ends(monkeypatch):
    monkeypatch.setattr(server, "LONELY_SECONDS", 0.1)
    watch = server.Watch()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.serve(listener, watch)  # Returns.
    assert watch.is_lonely
    assert not watch.is_orphan


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-port", "http"], "-port must be a number from 1 to 65535, got 'http'"),
        (["-port", "70000"], "got '70000'"),
        ([], "got None"),
        (["-port", "5000", "-listen", "0.0.0.0"], "-listen must be one of 127.0.0.1"),
    ],
)
def test_bad_arguments(arguments, words, capsys):
    handler = signal.getsignal(signal.SIGINT)
    try:
        assert server.main(arguments) == 1
    finally:
        signal.signal(signal.SIGINT, handler)
    assert words in capsys.readouterr().err


def test_only_what_it_made_is_removed(tmp_path):
    (tmp_path / "mine.txt").write_text("dear to me")
    installation.remove(tmp_path)
    server.clean_up_after_parent({"tempDir": str(tmp_path), "dataDir": str(tmp_path)})
    assert (tmp_path / "mine.txt").exists()


def test_pysc2s_own_programs_play_it_in_parallel(repository_root, tmp_path):
    environment = dict(os.environ, PYTHONPATH=str(repository_root), TMPDIR=str(tmp_path))
    for agent, loops in (("scripted_agent.MoveToBeacon", 1920), ("random_agent.RandomAgent", 400)):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "sc2_minigames.run_pysc2", "--game=standin"),
                *("pysc2.bin.agent", "--map", "MoveToBeacon", "--norender"),
                *("--agent", f"pysc2.agents.{agent}", "--max_episodes", "1", "--parallel", "2"),
                f"--game_steps_per_episode={loops}",
            ],
            capture_output=True,
            text=True,
            timeout=600,  # A guard against hanging; busy machines are slow.
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "not scores of StarCraft II" in done.stdout
        assert done.stderr.count(f"Episode 1 finished after {loops} game steps") == 2
    assert list(tmp_path.iterdir()) == []
