"""Seeds as ranges, and what a folder lacks of them."""

import subprocess
import sys

import numpy as np
import pytest
from generating import workplace
from hypothesis import given
from hypothesis import strategies as st

from seeds_samplers.demo.seeds import Missing, Seeds, ranges_of

PARTS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), min_size=1, max_size=6)


def all_of(missing, count=1, size=3):
    """What each of `count` ranks gets."""
    return [[seed for batch in missing.batches(rank, count, size) for seed in batch] for rank in range(count)]


def test_what_a_text_stands_for():
    assert [number for part in ranges_of("seeds", "0-2,7, 1 - 1", 9) for number in part] == [0, 1, 2, 7, 1]
    assert ranges_of("seeds", str(2**64 - 1), 2**64 - 1) == [range(2**64 - 1, 2**64)]


@given(PARTS, st.sets(st.integers(0, 60)), st.integers(1, 4), st.integers(1, 5))
def test_as_sets_have_it(parts, there, ranks, size):
    seeds = Seeds([range(first, first + count) for first, count in parts])
    expected = sorted({seed for first, count in parts for seed in range(first, first + count)})
    assert len(seeds) == len(expected) and seeds.at(np.arange(len(seeds))) == expected
    missing, expected = Missing(seeds, np.array(sorted(there), np.uint64)), sorted(set(expected) - there)
    assert len(missing) == len(expected)
    assert all_of(missing, ranks, size) == [expected[rank::ranks] for rank in range(ranks)]
    assert all(len(batch) <= size for batch in missing.batches(0, ranks, size))


def test_at_the_ends_of_what_a_seed_can_be():
    last = 2**64 - 1
    seeds = Seeds([range(last - 2, last + 1), range(0, 2)])
    assert all_of(Missing(seeds, np.array([], np.uint64))) == [[0, 1, last - 2, last - 1, last]]
    assert all_of(Missing(seeds, np.array([last, 0, 2**63], np.uint64))) == [[1, last - 2, last - 1]]
    assert all_of(Missing(seeds, np.array([last, 0, 1, last - 1, last - 2], np.uint64))) == [[]]


PEAK = """
import resource, sys
import seeds_samplers.demo.generate as generate
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
def few(job, missing, ranks):
    job.batch(next(missing.batches(0, 1, 1)), lambda: None)
    return 1, 1.0
generate.Job.draw = few
try:
    generate.main(["--model", "blobs:plain", "--format", "npy", "--steps", "1", *sys.argv[1:]])
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_their_number(tmp_path, monkeypatch):
    """A run for ten million seeds, of which it draws one image, beside a run for ten."""
    pytest.importorskip("resource")
    folder, peaks = workplace(tmp_path, monkeypatch), []
    for seeds in ("0-9", "0-9999999"):
        command = [sys.executable, "-c", PEAK, "--seeds", seeds, "--out", seeds]
        result = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)
        assert result.returncode == 0, result.stderr
        peaks.append(int(result.stdout.split("peak ")[1].split()[0]))
    assert peaks[1] < peaks[0] + 20_000, peaks  # kilobytes; as a list they were 400 000 more
