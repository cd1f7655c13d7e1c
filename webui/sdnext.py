"""The samplers' entries in SD.Next's menu. Its pipelines are those of diffusers, and a sampler is a scheduler.

It has a list of entries and, by their names, what each scheduler's constructor may be given. Its own settings of shift,
timestep spacing, Karras sigmas and the like reach the settings that are named there.
"""

from modules import sd_samplers, sd_samplers_common, sd_samplers_diffusers

from ..sampling import SAMPLERS
from ..schedulers import SEEDSScheduler

SEPARATOR = "── SEEDS ──"
LAST = "Same as primary"  # the end of its list
FLOW = " FlowMatch"  # in the name of an entry for flow models; SD.Next takes the right one of two by itself

EVERY = {"use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False}
SETTINGS = {
    "": {**EVERY, "timestep_spacing": "linspace", "steps_offset": 0, "rescale_betas_zero_snr": False},
    FLOW: {**EVERY, "shift": 1, "use_dynamic_shifting": False, "base_shift": 0.5, "max_shift": 1.15},
}


def name_of(solver):
    """The solver's name in the menu, where SD.Next has an ER-SDE of its own."""
    return solver if solver.startswith("SEEDS") else f"SEEDS {solver}"


def entry(name):
    """The entry of that name. SD.Next gives its images' seeds to the scheduler, as noise_sampler_seed."""

    def constructor(model):
        return sd_samplers_diffusers.DiffusionSampler(name, SEEDSScheduler, model)

    return sd_samplers_common.SamplerData(name, constructor, [], {})


def install():
    """Put the samplers into SD.Next's list, in place of those of an earlier call."""
    ours = [SEPARATOR]
    for solver in SAMPLERS:
        for kind, settings in SETTINGS.items():
            ours.append(name_of(solver) + kind)
            sd_samplers_diffusers.config[ours[-1]] = {**settings, "solver": solver}
    entries = sd_samplers_diffusers.samplers_data_diffusers
    entries[:] = [one for one in entries if one.name not in ours]
    names = [one.name for one in entries]
    place = names.index(LAST) if LAST in names else len(names)
    separator = sd_samplers_common.SamplerData(SEPARATOR, None, [], {})
    entries[place:place] = [separator, *map(entry, ours[1:])]
    sd_samplers.list_samplers()
    sd_samplers.set_samplers()
