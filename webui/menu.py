"""The samplers' entries in the host's sampler menu."""

from modules import sd_samplers, sd_samplers_common, sd_samplers_kdiffusion

from ..sampling import SAMPLERS
from ..sampling.schedule import model_calls_for_steps
from .sampler import WEBUI_SAMPLERS


class SamplerData(sd_samplers_common.SamplerData):
    """An entry of the menu that knows how many model calls its sampler makes."""

    def total_steps(self, steps):
        """What the host counts prompt editing and the like in: model calls."""
        return model_calls_for_steps(self.name, max(1, int(steps)))


def entry(name):
    """The entry of the sampler of that name; the schedule is what "Automatic" stands for."""

    def constructor(model):
        return sd_samplers_kdiffusion.KDiffusionSampler(WEBUI_SAMPLERS[name], model)

    alias = name.lower().replace("-", "_")
    return SamplerData(name, constructor, [f"k_{alias}", alias], {"scheduler": "karras"})


def _changed():
    sd_samplers.set_samplers()
    cached = getattr(sd_samplers, "get_sampler_and_scheduler", None)
    if hasattr(cached, "cache_clear"):
        cached.cache_clear()


def register():
    """Put the samplers into the host's lists, in place of entries of the same name."""
    for name in SAMPLERS:
        new, names = entry(name), [one.name for one in sd_samplers.all_samplers]
        if name in names:
            sd_samplers.all_samplers[names.index(name)] = new
        else:
            sd_samplers.all_samplers.append(new)
        sd_samplers.all_samplers_map[name] = new
    _changed()


def unregister():
    """Take them out again."""
    sd_samplers.all_samplers[:] = [one for one in sd_samplers.all_samplers if one.name not in SAMPLERS]
    for name in SAMPLERS:
        sd_samplers.all_samplers_map.pop(name, None)
    _changed()
