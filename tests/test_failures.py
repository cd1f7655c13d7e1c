"""Whatever a model does, generate ends in one line that says which call failed, and leaves nothing half written."""

import pytest
from generating import here, refused, run, workplace

OPTIONS = ("--model", "blobs:fails_at_call", "--format", "npy", "--steps", 2, "--seeds", "0-5", "--batch-size", 4)
SAID = {
    "key": "KeyError: 'weights', blobs.py line ",
    "runtime": "RuntimeError: two lines, blobs.py line ",
    "memory": "MemoryError, blobs.py line ",
    "exit": "SystemExit: 0, blobs.py line ",
    "text": "Text: its text cannot be had, blobs.py line ",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with the plug-ins in it."""
    monkeypatch.setenv("FAILS", "key")
    return workplace(tmp_path, monkeypatch)


def last_line(capsys):
    output = capsys.readouterr()
    assert output.out == "" and "Traceback" not in output.err
    return output.err.splitlines()[-1]


@pytest.mark.parametrize("error, said", SAID.items())
class TestAModelThatFails:
    def test_while_it_is_made(self, folder, monkeypatch, capsys, error, said):
        monkeypatch.setenv("FAILS", error)
        monkeypatch.setenv("AT", "made")
        line = refused(capsys, *OPTIONS, "--out", "out")
        assert line.startswith("model: 'blobs:fails_at_call'; expected package.module:factory") and f"({said}" in line
        assert not (folder / "out").exists()

    @pytest.mark.parametrize("call, shape", [(1, (1, 1, 6, 5)), (2, (4, 1, 6, 5)), (5, (2, 1, 6, 5))])
    def test_at_a_call(self, folder, monkeypatch, capsys, error, said, call, shape):
        """Two steps of SEEDS-2 are three calls: the trial, three with four images, three with two."""
        monkeypatch.setenv("FAILS", error)
        monkeypatch.setenv("AT", str(call))
        assert here(*OPTIONS, "--out", "out") == 2
        assert f"generate: model: blobs:fails_at_call; call {call}, x of shape {shape}: {said}" in last_line(capsys)
        files = sorted(path.name for path in (folder / "out").glob("*"))
        whole = [f"00000{seed}.npy" for seed in range(4)] if call == 5 else []
        assert files == [*whole, "generate.json"] if call > 1 else not (folder / "out").exists()
        assert not list(folder.glob("out/.*"))
        monkeypatch.delenv("AT")
        assert here(*OPTIONS, "--out", "out") == 0 and len(list((folder / "out").iterdir())) == 7

    def test_with_more_than_one_image(self, monkeypatch, capsys, error, said):
        monkeypatch.setenv("FAILS", error)
        monkeypatch.setenv("AT", "batch")
        assert here(*OPTIONS, "--out", "out") == 2
        line = last_line(capsys)
        assert line.startswith(f"generate: model: blobs:fails_at_call; call 2, x of shape (4, 1, 6, 5): {said}")
        assert line.endswith("; a smaller --batch-size needs less") == (error == "memory")


def test_an_error_whose_text_ends_the_process(monkeypatch, capsys):
    monkeypatch.setenv("FAILS", "text")
    monkeypatch.setenv("AT", "2")
    monkeypatch.setenv("WORSE", "1")
    assert here(*OPTIONS) == 2
    assert "Text: its text cannot be had" in last_line(capsys)


@pytest.mark.parametrize("at", ["made", "1", "2"])
def test_an_interrupt_is_one(folder, monkeypatch, capsys, at):
    monkeypatch.setenv("FAILS", "interrupt")
    monkeypatch.setenv("AT", at)
    assert here(*OPTIONS) == 130
    assert "generate:" not in capsys.readouterr().err


def test_debug_shows_the_traceback(monkeypatch, capsys):
    monkeypatch.setenv("AT", "3")
    assert here(*OPTIONS, "--debug") == 2
    said = capsys.readouterr().err
    assert "Traceback" in said and "raise ERRORS[error]()" in said and said.count("KeyError: 'weights'\n") == 1
    assert said.splitlines()[-1].startswith(
        "generate: model: blobs:fails_at_call; call 3, x of shape (4, 1, 6, 5): Key"
    )


def test_what_is_no_image(capsys):
    line = refused(capsys, "--model", "blobs:returns_none", "--format", "npy")
    call = "model: blobs:returns_none; call 1, x of shape (1, 1, 6, 5)"
    assert line == f"{call}: expected a tensor of that shape, not a NoneType"


def test_an_attribute_that_ends_the_process(capsys):
    line = refused(capsys, "--model", "blobs:Property")
    assert "model: 'blobs:Property'; expected package" in line and "(SystemExit: 0, blobs.py line " in line


@pytest.mark.parametrize("size", [10**9, 10**17, 10**30])
def test_a_shape_that_no_memory_holds(folder, capsys, size):
    line = refused(capsys, "--model", "blobs:plain", "--shape", 3, size, size)
    assert line.startswith(f"model: blobs:plain; call 1, x of shape (1, 3, {size}, {size}): ") and "Error" in line
    assert not (folder / "generated").exists()


@pytest.mark.slow
@pytest.mark.parametrize("error, at", [("key", "2"), ("exit", "made"), ("exit", "1"), ("text", "batch")])
def test_on_one_of_two_ranks(folder, error, at):
    result = run(*OPTIONS, "--seeds", "0-15", "--out", "out", ranks=2, FAILS=error, AT=at, ON_RANK="1")
    ours = [line for line in result.stderr.splitlines() if line.startswith("generate:")]
    assert result.returncode != 0 and result.stdout == "" and len(ours) == 1
    assert SAID[error] in ours[0] and ours[0].endswith(" (rank 1)") and "exitcode  : 2" in result.stderr
    assert not list(folder.glob("out/.*"))
    written = len(list(folder.glob("out/*.npy")))
    assert run(*OPTIONS, "--seeds", "0-15", "--out", "out", ranks=2).returncode == 0
    assert written in (0, 8) and len(list(folder.glob("out/*.npy"))) == 16
