"""What the real web UI counts while it draws: prompt editing, alternation, guidance, the refiner, progress.

Skipped where there is no checkout (WEBUI_PATH) with its requirements.
"""

import pytest
from automatic1111 import checkout

if checkout() is None:
    pytest.skip("no web UI checkout (WEBUI_PATH) with its requirements", allow_module_level=True)

from webui_host import CALLS, CLASSIC, FORGE, labels, model, run, sd_samplers, settings

from seeds_samplers.sampling import SAMPLERS

A, B = 0, 1  # the labels of the glyphs A and B


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [6, 20])
def test_prompt_editing_switches_in_the_middle_and_never_within_a_step(name, steps):
    found, calls = labels(run(name, prompt="[A:B:0.5]", steps=steps)), CALLS[name]
    assert len(found) == calls * (steps - 1) + 1
    first = found.index(B)
    assert found == [A] * first + [B] * (len(found) - first)  # past the end the host would show A again
    assert first % calls == 0 and abs(first - len(found) / 2) <= 1.5 * calls  # the host itself is late by half a step


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("when", [1, 4, 7, 40])
def test_whole_numbers_count_model_calls(name, when):
    """As they do for the host's own samplers of two calls a step; the switch waits for the end of a step."""
    found, calls = labels(run(name, prompt=f"[A:B:{when}]", steps=8)), CALLS[name]
    first = found.index(B) if B in found else len(found)
    assert found == [A] * first + [B] * (len(found) - first)
    assert first % calls == 0 or first == len(found)
    assert abs(first - min(when + 1, len(found))) <= calls


@pytest.mark.parametrize("name", SAMPLERS)
def test_alternation_goes_by_steps(name):
    found, calls = labels(run(name, prompt="[A|B]", steps=8)), CALLS[name]
    by_step = [found[i] for i in range(0, len(found), calls)]
    assert found[:-1] == [label for label in by_step[:-1] for _ in range(calls)]
    assert by_step == [A, A, B, A, B, A, B, A]  # the host counts its first two steps as one


@pytest.mark.skipif(CLASSIC, reason="it lowers the guidance instead")
@pytest.mark.parametrize("name", SAMPLERS)
def test_calls_without_guidance_go_by_steps(name):
    """NGMS leaves out every other step's negative prompt below a noise level; skip-early-cond those of the start."""
    calls, sizes = CALLS[name], lambda result: [len(call["labels"]) for call in result.calls]
    with settings(s_min_uncond=50.0):
        of_steps = sizes(run(name, steps=8, s_min_uncond=50.0))[:-1]
    of_steps = [set(of_steps[i : i + calls]) for i in range(0, len(of_steps), calls)]
    assert of_steps in ([{2}, {1}] * 3 + [{2}], [{1}, {2}] * 3 + [{1}])  # reForge leaves out the even ones
    with settings(skip_early_cond=0.25):
        found = run(name, steps=8)
    early = sizes(found).count(1)
    assert early % calls == 0 and abs(early / len(found.calls) - 0.25) < 0.2 and "Skip Early CFG" in found.texts[0]


@pytest.mark.skipif(FORGE, reason="Forge loads the refiner from a file")
def test_the_refiner_takes_over_between_two_steps(monkeypatch):
    from modules import processing, sd_models

    first, second = model("v"), model("eps")
    info = first.sd_checkpoint_info
    monkeypatch.setattr(info, "short_title", "another")

    def reload(*_, info=None, **__):
        if info is not None:
            sd_models.model_data.sd_model = processing.shared.sd_model = first
        return processing.shared.sd_model

    def prepare(_):
        monkeypatch.setattr(sd_models, "reload_model_weights", reload)

    with settings(refiner_switch_by_sample_steps=True):
        monkeypatch.setattr(sd_models, "get_closet_checkpoint_match", lambda _: info)
        first.calls.clear()
        found = run("SEEDS-3", steps=8, before_call=prepare, refiner_checkpoint="another", refiner_switch_at=0.5)
    assert len(found.calls) % 3 == 0 and len(found.calls) + len(first.calls) == 3 * 7 + 1
    assert abs(len(found.calls) - 11) <= 3 and "Refiner switch at: 0.5" in found.texts[0]
    assert second is not first


@pytest.mark.skipif(CLASSIC, reason="no schedules of its own")
@pytest.mark.parametrize("scheduler", ["Automatic", "Karras", "Exponential", "Uniform", "SGM Uniform", "Beta", "DDIM"])
@pytest.mark.parametrize("steps", [1, 2, 70])
def test_the_hosts_schedules(scheduler, steps):
    found = run("SEEDS-1", scheduler=scheduler, steps=steps, width=64, height=64)
    assert found.last.isfinite().all() and len(found.calls) <= steps + 2  # its DDIM has 72 levels for 70 steps
    assert sd_samplers.get_sampler_and_scheduler("SEEDS-1 Karras", None) == ("SEEDS-1", "Automatic")


@pytest.mark.skipif(CLASSIC, reason="no schedules of its own")
def test_a_schedule_of_more_steps_than_asked_for_ends_with_the_last_prompt():
    assert labels(run("SEEDS-2", prompt="[A:B:0.99]", scheduler="DDIM", steps=70, width=64, height=64))[-1] == B


def test_progress_is_told_once_a_step(monkeypatch):
    from modules import shared

    seen = []
    monkeypatch.setattr(shared.total_tqdm, "update", lambda: seen.append(shared.state.sampling_step))
    run("SEEDS-3", steps=5)
    assert seen == [0, 1, 2, 3, 4] and shared.state.sampling_steps == 5
