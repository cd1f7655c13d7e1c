"""The samplers' entries in the host's sampler menu."""

from modules import sd_samplers, sd_samplers_common, sd_samplers_kdiffusion

try:
    from modules import sd_schedulers
except ImportError:  # Forge Classic has none
    sd_schedulers = None

from ..sampling import SAMPLERS, model_calls_for_steps, sigmas_seeds, steps_for_model_calls
from .sampler import HOST_SAMPLERS, of_model

SCHEDULE, SCHEDULE_LABEL = "seeds", "SEEDS steps"


class SamplerData(sd_samplers_common.SamplerData):
    """An entry of the menu that knows how many model calls its sampler makes."""

    def total_steps(self, steps):
        """What the host counts prompt editing and the like in: model calls."""
        return model_calls_for_steps(self.name, max(1, int(steps)))


def steps_of(name, calls):
    """As many steps of the sampler of that name as so many model calls allow.

    Of the host's own samplers the menu says which call the model twice a step, and once in the last one.
    """
    if name in SAMPLERS:
        return steps_for_model_calls(name, calls)
    found = sd_samplers.all_samplers_map.get(name)
    return (calls - 1) // (2 if found and found.options.get("second_order") else 1) + 1


def entry(name):
    """The entry of the sampler of that name; the schedule is what "Automatic" stands for."""

    def constructor(model):
        return sd_samplers_kdiffusion.KDiffusionSampler(HOST_SAMPLERS[name], model)

    alias = name.lower().replace("-", "_")
    return SamplerData(name, constructor, [f"k_{alias}"], {"scheduler": "karras"})


def seeds_schedule(n, sigma_min, sigma_max, inner_model, device):
    """sigmas_seeds, as the host asks a scheduler for levels."""
    return sigmas_seeds(n, sigma_min, sigma_max, of_model(inner_model)["noise_schedule"], device)


def _schedules(added):
    """The host's schedules with those in `added` for the one of that name, in its list and its map."""
    if sd_schedulers is None:
        return
    sd_schedulers.schedulers[:] = [one for one in sd_schedulers.schedulers if one.name != SCHEDULE] + added
    for key in (SCHEDULE, SCHEDULE_LABEL):
        sd_schedulers.schedulers_map.pop(key, None)
    sd_schedulers.schedulers_map.update({key: one for one in added for key in (one.name, one.label)})


def _changed():
    sd_samplers.set_samplers()
    cached = getattr(sd_samplers, "get_sampler_and_scheduler", None)
    if hasattr(cached, "cache_clear"):
        cached.cache_clear()


def register():
    """Put the samplers and the schedule into the host's lists, in place of entries of the same name."""
    for name in SAMPLERS:
        new, names = entry(name), [one.name for one in sd_samplers.all_samplers]
        if name in names:
            sd_samplers.all_samplers[names.index(name)] = new
        else:
            sd_samplers.all_samplers.append(new)
        sd_samplers.all_samplers_map[name] = new
    if sd_schedulers is not None:
        _schedules([sd_schedulers.Scheduler(SCHEDULE, SCHEDULE_LABEL, seeds_schedule, need_inner_model=True)])
    _changed()


def unregister():
    """Take them out again."""
    sd_samplers.all_samplers[:] = [one for one in sd_samplers.all_samplers if one.name not in SAMPLERS]
    for name in SAMPLERS:
        sd_samplers.all_samplers_map.pop(name, None)
    _schedules([])
    _changed()
