"""benchmarks/sharp.py and sharp_table.py: what is measured once, and when a goal counts as met."""

import calls
import pytest
import sharp
import sharp_table
import torch
from pictures import glyphs

HEAD = "problem,guidance,sampler,schedule,calls,seed,excess\n"
BUDGETS = 8, 20
ROWS = {  # above the floor
    "digits,1,true,": (10,),
    "digits,1,SEEDS-M,seeds": (19, 1.4),
    "digits,1,SEEDS-M,karras": (10, 5),
    "digits,1,ComfyUI er_sde,karras": (50, -1),
    "digits,1,ComfyUI sa_solver,seeds": (40, 7),
    "digits,1,ComfyUI dpmpp_2m,seeds": (2, 30),
}


@pytest.fixture
def written(tmp_path):
    def write(rows):
        path = tmp_path / "sharp.csv"
        lines = []
        for key, values in rows.items():
            budgets = BUDGETS if len(values) > 1 else ("",)
            lines += [f"{key},{calls},0,{value}\n" for calls, value in zip(budgets, values, strict=True)]
        path.write_text(HEAD + "".join(lines))
        return path

    return write


def verdicts(path):
    cells, budgets = sharp_table.read(path)
    cell = cells["digits", 1.0]
    return [list(sharp_table.verdicts(cell, ("SEEDS-M", "seeds"), calls).values()) for calls in budgets]


def test_goals(written):
    # 29 beside 50, and 20 of its own with karras; 11.4 beside 10 of er_sde, but within 1.15 of the floor 10
    assert verdicts(written(ROWS)) == [[True, True, True, False, True, True], [True, False, True, True, True, True]]
    # 34 is not half of 50's excess; 11.6 is neither 1.1 times 10 nor at the floor
    changed = verdicts(written(ROWS | {"digits,1,SEEDS-M,seeds": (24, 1.6)}))
    assert changed == [[True, False, False, False, True, True], [False, False, False, True, True, True]]
    away = verdicts(written(ROWS | {"digits,1,SEEDS-M,seeds": (9991, float("inf"))}))
    assert away == [[False, False, False, False, False, True], [False, False, False, False, False, True]]


def test_best_of_each_kind(written, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["sharp_table.py", str(written(ROWS))])
    sharp_table.main()
    printed = capsys.readouterr().out
    assert "| SEEDS-M, seeds | 29 | 11 |" in printed
    assert "| best of ComfyUI's stochastic | 50 sa_solver, seeds | 10 er_sde, karras |" in printed
    assert "| best of its ODE ones | 12 dpmpp_2m, seeds | 40 dpmpp_2m, seeds |" in printed


@pytest.mark.slow
def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    for name, value in {"IMAGES": 32, "STEPS": 6, "CACHE": tmp_path / "targets"}.items():
        monkeypatch.setattr(sharp, name, value)
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    path = tmp_path / "sharp.csv"
    arguments = ["--problems", "glyphs", "--guidance", "3", "--calls", "4", "6", "--csv", str(path), "--samplers"]

    def run(*names):
        monkeypatch.setattr("sys.argv", ["sharp.py", *arguments, *names])
        with torch.no_grad():
            sharp.main()
        return path.read_text().splitlines()

    first = run("SEEDS-M")
    keys = ["glyphs,3,true,,,0"]
    keys += [f"glyphs,3,SEEDS-M,{one},{calls},0" for one in sharp.EPS.schedules for calls in (4, 6)]
    assert first[0] == ",".join([*sharp.KEYS, "excess"])
    assert [line.rsplit(",", 1)[0] for line in first[1:]] == keys
    sharp.true_samples.cache_clear(), sharp.reference.cache_clear()
    second = run("SEEDS-M", "SEEDS-M, whole")
    assert second[: len(first)] == first and len(second) == len(first) + 6
    values = [[line.rsplit(",", 1)[1] for line in lines] for lines in (first[-6:], second[-6:])]
    assert values[0] != values[1]
    third = run("SEEDS-M", "--seeds", "0", "2")
    assert third[: len(second)] == second
    assert [line.rsplit(",", 1)[0] for line in third[len(second) :]] == [key[:-1] + "2" for key in keys]
    assert len(list((tmp_path / "targets").iterdir())) == 1
    path.write_text("something else\n")
    with pytest.raises(SystemExit, match=r"csv: .*sharp\.csv; expected a file that begins with problem,guidance"):
        run("SEEDS-M")
    sharp.true_samples.cache_clear(), sharp.reference.cache_clear()


def test_several_seeds_give_a_mean_and_its_error(tmp_path, monkeypatch, capsys):
    path = tmp_path / "sharp.csv"
    rows = ["true,,,0,9", "true,,,1,11", *(f"SEEDS-M,seeds,8,{seed},{value}" for seed, value in enumerate((4, 6, -1)))]
    rows += ["ComfyUI er_sde,karras,8,0,30", "ComfyUI er_sde,karras,20,0,-3"]
    path.write_text(HEAD + "".join(f"digits,1,{row}\n" for row in rows))
    monkeypatch.setattr("sys.argv", ["sharp_table.py", str(path)])
    sharp_table.main()
    printed = capsys.readouterr().out
    # 10 + 3, and the standard error of the mean of 4, 6 and -1
    assert "| SEEDS-M, seeds | 13 ± 2.1 |  |" in printed
    assert "| best of ComfyUI's stochastic | 40 er_sde, karras | 10 er_sde, karras |" in printed
    assert "| 0.5 of the best's excess | 1 of 1 |  |" in printed


def test_a_cell_that_misses_a_sampler_does_not_count(tmp_path, monkeypatch, capsys):
    path = tmp_path / "sharp.csv"
    rows = ["true,,,0,9", "SEEDS-M,seeds,8,0,4", "SEEDS-M,seeds,16,0,4"]
    rows += ["ComfyUI er_sde,karras,8,0,30", "ComfyUI er_sde,karras,16,0,30", "ComfyUI sa_solver,karras,8,0,30"]
    path.write_text(HEAD + "".join(f"digits,1,{row}\n" for row in rows))
    monkeypatch.setattr("sys.argv", ["sharp_table.py", str(path)])
    sharp_table.main()
    assert "| 0.5 of the best's excess | 1 of 1 |  |" in capsys.readouterr().out


def test_the_table_of_the_page_takes_the_steps_seeds(written):
    rows = ROWS | {"digits,1,SEEDS-M eta_cap=0.6,karras": (3, 4), '"digits, flow 3",1,true,': (1,)}
    rows |= {'"digits, flow 3",1,SEEDS-M,seeds': (2, 3), '"digits, flow 3",1,ComfyUI er_sde,simple': (4, 6)}
    rows |= {'"digits, flow 3",1,SEEDS-M,beta': (1, 1)}
    cells, budgets = sharp_table.read(written(rows))
    found = sharp_table.near(cells, budgets)[1]
    assert found == [
        ["digits", "1", "10", "**29** / 50 sa_solver", "**11** / 10 er_sde"],
        ["digits, flow 3", "1", "1.0", "**3.0** / 5.0 er_sde", "**4.0** / 7.0 er_sde"],
    ]


def test_the_table_of_caps_has_the_problems_that_were_measured_with_all(written, monkeypatch):
    monkeypatch.setattr(sharp_table, "BUDGETS", BUDGETS)
    rows = ROWS | {"digits,1,SEEDS-M eta_cap=0.6,seeds": (3, 4), "patches,1,true,": (1,)}
    cells, _ = sharp_table.read(written(rows | {"patches,1,SEEDS-M,seeds": (1, 1)}))
    head, found = sharp_table.of_caps(cells, ("SEEDS-M", "SEEDS-M eta_cap=0.6"))
    assert head[3:] == ["SEEDS-M", "SEEDS-M eta_cap=0.6"]
    assert found == [["digits", "1", "10", "29 / 11", "13 / 14"]]


def test_pictures_are_centred_and_of_deviation_1():
    pictures, labels = glyphs(90)
    assert pictures.shape == (90, 1, 8, 8) and labels.shape == (90,)
    torch.testing.assert_close(pictures.mean(0), torch.zeros(1, 8, 8), atol=1e-5, rtol=0)
    assert pictures.square().mean().item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({4: 80, 16: 20, 64: 15}, "8"),  # halfway in logarithms
        ({4: 30, 16: 20}, "under 4"),
        ({16: 45, 4: 80}, "over 16"),
        ({4: float("inf"), 8: 20}, "8"),
    ],
)
def test_the_calls_with_which_a_sampler_is_as_near(row, text):
    assert calls.as_near(row, 40) == text


def test_the_yardstick_takes_as_many_calls_as_it_has(tmp_path):
    path = tmp_path / "calls.csv"
    rows = ["true,,,0,10", "ComfyUI euler_ancestral,karras,50,0,30", "ComfyUI euler_ancestral,karras,100,0,5"]
    rows += ["ComfyUI euler_ancestral,seeds,50,0,20", "SEEDS-1,karras,50,0,30", "SEEDS-1,karras,100,0,5"]
    path.write_text(HEAD + "".join(f"digits,1,{row}\n" for row in rows))
    head, found = calls.rows(path)
    assert head == ["problem", "floor", "Euler-Maruyama", "SEEDS-1"]
    assert found == [["digits", "10", "50 calls: 40", "under 50"], ["digits", "10", "100 calls: 15", "100"]]
