"""Random prompts for ComfyUI: models, latents, our nodes and the options of these, valid or not (soak_comfyui.py)."""

import math

from comfyui_graphs import CONDITIONING, LATENT, MODEL, default_graph, node

SAMPLE, SHOWN = "50", "52"
OURS = ("SEEDSKSampler", "SamplerCustom")
KINDS = ("KSampler", "KSamplerAdvanced", *OURS)
WHOLE = "INT,FLOAT"  # the type of whole numbers that are refused if they are none


class Inputs:
    """What /object_info says of a node's inputs: (kind, settings) by name, those of the chosen options too."""

    def __init__(self, server):
        self.of = {
            name: server.get(f"/object_info/{name}")[name]["input"]["required"]
            for name in ("KSampler", "SEEDSKSampler", "SEEDSSampler", "SEEDSScheduler")
        }

    def random(self, rng, name, only=()):
        """Values of the inputs that are no links, and {name: (kind, settings)} of them."""
        values, kinds = {}, {}
        for key, spec in self.of[name].items():
            self._add(rng, key, spec, values, kinds)
        return {key: value for key, value in values.items() if not only or key in only}, kinds

    def _add(self, rng, key, spec, values, kinds):
        kind, settings = spec[0], (spec[1] if len(spec) > 1 else {})
        if kind == "COMFY_DYNAMICCOMBO_V3":
            option = rng.choice(settings["options"])
            values[key], kinds[key] = option["key"], (kind, settings)
            for inputs in option["inputs"].values():  # required and optional
                for name, inner in inputs.items():
                    self._add(rng, f"{key}.{name}", inner, values, kinds)
        elif isinstance(kind, list) or kind in ("COMBO", "INT", "FLOAT", WHOLE):
            values[key], kinds[key] = valid(rng, key, kind, settings), (kind, settings)


def valid(rng, key, kind, settings):
    if isinstance(kind, list) or kind == "COMBO":
        return rng.choice(kind if isinstance(kind, list) else settings["options"])
    if rng.random() < 0.4 and not key.endswith(("steps", "model_calls")):
        return settings["default"]
    if kind in ("INT", WHOLE):
        most = 6 if key.endswith(("steps", "model_calls")) else settings["max"]
        return rng.randint(int(settings["min"]), int(min(most, settings["max"])))
    least, most = settings["min"], settings["max"]
    return rng.choice([least, most, rng.uniform(least, most), min(most, max(least, 10 ** rng.uniform(-2, 1)))])


def invalid(rng, kind, settings):
    if isinstance(kind, list) or kind in ("COMBO", "COMFY_DYNAMICCOMBO_V3"):
        return rng.choice(["nonsense", "", 7])
    outside = [settings["min"] - 1, settings["max"] + 1]
    fractions = [settings["min"] + 0.5] if kind == WHOLE else []
    return rng.choice([math.nan, math.inf, -math.inf, "many", *outside, *fractions])


def sources(rng):
    """Nodes that give a model and a latent, and the links to them."""
    graph = default_graph(rng.choice("AEIOU37"), steps=2)
    del graph["7"]
    graph |= {
        "20": node("VAEEncode", pixels=["6", 0], vae=["1", 2]),
        "21": node("SolidMask", value=0.0, width=256, height=256),
        "22": node("SolidMask", value=1.0, width=128, height=256),
        "23": node("MaskComposite", destination=["21", 0], source=["22", 0], x=128, y=0, operation="add"),
        "25": node("SetLatentNoiseMask", samples=["20", 0], mask=["23", 0]),
        "26": node("EmptyLatentImage", width=rng.choice([128, 256]), height=256, batch_size=rng.randint(1, 4)),
        "27": node("LatentFromBatch", samples=["26", 0], batch_index=rng.randint(0, 3), length=rng.randint(1, 2)),
        "28": node("RepeatLatentBatch", samples=["25", 0], amount=2),
        "30": node("ModelSamplingFlux", model=MODEL, max_shift=1.2, base_shift=0.5, width=256, height=256),
        **{
            key: node(name, model=MODEL, reuse_threshold=0.2, start_percent=0.15, end_percent=0.95, verbose=False)
            for key, name in (("31", "LazyCache"), ("32", "EasyCache"))
        },
    }
    model = rng.choice([MODEL] * 6 + [["30", 0], ["31", 0], ["32", 0]])
    return graph, model, rng.choice([LATENT, *(["20", 0], ["25", 0], ["26", 0], ["27", 0], ["28", 0])])


def prompt(rng, inputs, kind, steps=None):
    """A graph, the id and the {name: kind} of the inputs of the node that may be given something wrong."""
    graph, model, latent = sources(rng)
    given = {**CONDITIONING, "model": model, "latent_image": latent}
    target = SAMPLE
    if kind == "SEEDSKSampler":
        values, kinds = inputs.random(rng, kind)
        graph[SAMPLE] = node(kind, **given, **values)
    elif kind == "SamplerCustom":
        solver, of_solver = inputs.random(rng, "SEEDSSampler")
        values, of_levels = inputs.random(rng, "SEEDSScheduler")
        graph["40"] = node("SEEDSSampler", **solver)
        graph["41"] = node("SEEDSScheduler", model=model, sampler=["40", 0], **values)
        target, kinds = rng.choice([("40", of_solver), ("41", of_levels)])
        custom = dict(add_noise=True, noise_seed=rng.randint(0, 99), cfg=2.0, sampler=["40", 0], sigmas=["41", 0])
        graph[SAMPLE] = node(kind, **given, **custom)
    else:
        values, kinds = inputs.random(rng, "KSampler")
        values["sampler_name"] = rng.choice([name for name in values_of(inputs, "sampler_name") if is_ours(name)])
        values["cfg"] = rng.choice([1.0, 2.0, 7.0])
        if steps:
            values["steps"] = steps
        if kind == "KSamplerAdvanced":
            values["noise_seed"] = values.pop("seed")
            del values["denoise"]
            start = rng.randint(0, 2)
            values |= dict(add_noise=rng.choice(["enable", "disable"]), start_at_step=start)
            values |= dict(end_at_step=start + rng.randint(0, 9), return_with_leftover_noise="disable")
        kinds = {}  # core's own node and its own refusals
        graph[SAMPLE] = node(kind, **given, **values)
    graph["51"] = node("VAEDecode", samples=[SAMPLE, 0], vae=["1", 2])
    graph[SHOWN] = node("PreviewImage", images=["51", 0])
    return graph, target, kinds


def values_of(inputs, key):
    spec = inputs.of["KSampler"][key]
    return spec[0] if isinstance(spec[0], list) else spec[1]["options"]


def is_ours(sampler):
    return sampler.startswith("SEEDS-") or sampler == "ER-SDE"
