"""benchmarks/learned.py: what is measured once, and its table."""

import learned
import pytest

HEAD = "images,reference,guidance,sampler,schedule,calls,pixels,features,rms,feature_rms\n"
MEASURED = (
    "36,64,2,SEEDS-M,karras,8,10,30,0.2,4\n36,64,2,SEEDS-2,karras,8,20,20,0.21,3\n36,64,2,SEEDS-2,karras,12,1,1,0.1,1\n"
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run it on a file with those rows; a picture is the name of its sampler, the distance its length."""
    path = tmp_path / "learned.csv"
    path.write_text(HEAD + MEASURED)
    monkeypatch.setattr(learned, "contenders", lambda: {"SEEDS-M": ("m", 1), "SEEDS-2": ("ab", 2)})
    monkeypatch.setattr(learned, "converged", lambda *_: None)
    monkeypatch.setattr(learned, "pictures", lambda function, sigmas, *_: function * len(sigmas))
    monkeypatch.setattr(learned, "distances", lambda found, _: (len(found),) * 4)

    def call(*arguments):
        given = ["--csv", path, "--images", 36, "--guidance", 2, "--calls", 8, 12, "--schedules", "karras", *arguments]
        monkeypatch.setattr("sys.argv", ["learned.py", *map(str, given)])
        learned.main()
        return path.read_text()

    return call


def test_only_what_the_file_lacks_is_measured(run):
    assert run("--table") == HEAD + MEASURED
    both = "--samplers", "SEEDS-M", "SEEDS-2"
    added = "36,64,2,SEEDS-M,karras,12,13,13,13,13\n"  # 12 levels and 0
    assert run(*both) == run(*both) == HEAD + MEASURED + added
    more = run(*both, "--guidance", "3").removeprefix(HEAD + MEASURED + added).splitlines()
    assert [line.split(",")[2:] for line in more] == [
        ["3", "SEEDS-M", "karras", "8", *["9"] * 4],
        ["3", "SEEDS-M", "karras", "12", *["13"] * 4],
        ["3", "SEEDS-2", "karras", "8", *["10"] * 4],  # 4 steps, two letters for each level
        ["3", "SEEDS-2", "karras", "12", *["14"] * 4],
    ]


def test_the_nearest_of_a_column_are_bold(run, capsys):
    run("--table")
    printed = capsys.readouterr().out
    assert "guidance 2, 36 images, reference 64 steps: pixels / features / rms / feature_rms" in printed
    assert "| SEEDS-M | karras | **10** / 30 / **0.200** / 4.000 |  |" in printed
    assert "| SEEDS-2 | karras | 20 / **20** / 0.210 / **3.000** | **1** / **1** / **0.100** / **1.000** |" in printed
