"""Graphs in ComfyUI's API format, for the tests and the pictures."""

MODEL, POSITIVE, NEGATIVE, LATENT = ["1", 0], ["2", 0], ["3", 0], ["4", 0]
SOLVER = {"solver": "SEEDS-2", "solver.eta": 1.0, "solver.s_noise": 1.0, "solver.prediction": "data"}
SOLVER |= {"solver.noise_device": "cpu", "solver.variant": "2b", "solver.r": 0.5}
CONDITIONING = dict(model=MODEL, positive=POSITIVE, negative=NEGATIVE, latent_image=LATENT)


def node(name, **inputs):
    return {"class_type": name, "inputs": inputs}


def default_graph(text="A", batch=1, **ksampler):
    """The default graph on the demo checkpoint."""
    inputs = dict(seed=5, steps=12, cfg=2.0, sampler_name="SEEDS-2", scheduler="karras", denoise=1.0) | ksampler
    return {
        "1": node("SEEDSDemoCheckpoint"),
        "2": node("CLIPTextEncode", text=text, clip=["1", 1]),
        "3": node("CLIPTextEncode", text="", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=256, height=256, batch_size=batch),
        "5": node("KSampler", **CONDITIONING, **inputs),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="SEEDS"),
    }


def seeds_graph(text="A", batch=1, **inputs):
    """The same with KSampler (SEEDS)."""
    graph = default_graph(text, batch)
    given = dict(seed=5, cfg=2.0, scheduler="karras", denoise=1.0, variation_seed=0, variation_strength=0.0)
    given |= {"budget": "steps", "budget.steps": 12} | SOLVER | inputs
    return graph | {"5": node("SEEDSKSampler", **CONDITIONING, **given)}


def custom_graph(text="A", model_calls=24, scheduler="karras"):
    """SEEDS Sampler and SEEDS Scheduler with SamplerCustom."""
    budget = {"budget": "model calls", "budget.model_calls": model_calls}
    return default_graph(text) | {
        "30": node("SEEDSSampler", **SOLVER),
        "31": node("SEEDSScheduler", model=MODEL, sampler=["30", 0], scheduler=scheduler, denoise=1.0, **budget),
        "5": node(
            "SamplerCustom", **CONDITIONING, cfg=2.0, add_noise=True, noise_seed=5, sampler=["30", 0], sigmas=["31", 0]
        ),
    }


def split_graph(text="A", **ksampler):
    """The default graph's run over two KSampler (Advanced) with one seed."""
    graph = default_graph(text, **ksampler)
    common = {key: value for key, value in graph["5"]["inputs"].items() if key not in ("seed", "denoise")}
    common["noise_seed"] = 5
    first = dict(add_noise="enable", start_at_step=0, end_at_step=5, return_with_leftover_noise="enable")
    second = dict(add_noise="disable", start_at_step=5, end_at_step=10000, return_with_leftover_noise="disable")
    graph["8"] = node("KSamplerAdvanced", **common, **first)
    graph["5"] = node("KSamplerAdvanced", **common, **second)
    graph["5"]["inputs"]["latent_image"] = ["8", 0]
    return graph


def levels_graph(text="A", steps=12, **scheduler):
    """SamplerCustom with ComfyUI's own scheduler, and the chart of its levels on the wire."""
    given = dict(model=MODEL, scheduler="karras", steps=steps, denoise=1.0) | scheduler
    graph = custom_graph(text) | {
        "31": node("BasicScheduler", **given),
        "34": node("SEEDSSigmasChart", sigmas=["31", 0]),
    }
    graph["5"]["inputs"]["sigmas"] = ["34", 0]
    return graph


def advanced_graph(text="A", batch=1, sampler=("SEEDSSampler", SOLVER)):
    """SamplerCustomAdvanced with its parts; sampler: the node that gives its sampler, and its inputs."""
    name, inputs = sampler
    return custom_graph(text) | {
        "4": node("EmptyLatentImage", width=256, height=256, batch_size=batch),
        "30": node(name, **inputs),
        "32": node("RandomNoise", noise_seed=5),
        "33": node("CFGGuider", model=MODEL, positive=POSITIVE, negative=NEGATIVE, cfg=2.0),
        "5": node(
            "SamplerCustomAdvanced", noise=["32", 0], guider=["33", 0], sampler=["30", 0], sigmas=["31", 0],
            latent_image=LATENT,
        ),
    }  # fmt: skip


def seeds_part(text="A", **inputs):
    """seeds_graph with KSampler (SEEDS, Advanced)."""
    graph = seeds_graph(text)
    given = graph["5"]["inputs"] | dict(add_noise="enable", start_at_step=0, end_at_step=10000)
    del given["denoise"]
    given |= {"return_with_leftover_noise": "disable"} | inputs
    return graph | {"5": node("SEEDSKSamplerAdvanced", **given)}


def seeds_split_graph(text="A", **inputs):
    """The run of seeds_graph over two of them, cut at step 5."""
    first = seeds_part(text, end_at_step=5, return_with_leftover_noise="enable", **inputs)["5"]
    rest = dict(start_at_step=5, add_noise="disable", latent_image=["8", 0])
    return seeds_part(text, **rest, **inputs) | {"8": first}


def alone(graph, place, latent="4"):
    """The graph with one image of its batch alone: every node that had that latent gets Latent From Batch's."""
    for one in graph.values():
        one["inputs"] = {key: ["40", 0] if value == [latent, 0] else value for key, value in one["inputs"].items()}
    return graph | {"40": node("LatentFromBatch", samples=[latent, 0], batch_index=place, length=1)}


def again(graph, latent, **ksampler):
    """The graph with its image encoded and sampled again, from node `latent` (20: the image, 25: with a mask)."""
    inputs = {**graph["5"]["inputs"], "latent_image": [latent, 0], "seed": 9, **ksampler}
    return graph | {
        "20": node("VAEEncode", pixels=["6", 0], vae=["1", 2]),
        "26": node("KSampler", **inputs),
        "27": node("VAEDecode", samples=["26", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["27", 0], filename_prefix="SEEDS"),
    }


def inpaint_graph(text="A"):
    """The right half of the default graph's image painted anew."""
    return again(default_graph(text), "25") | {
        "21": node("SolidMask", value=0.0, width=256, height=256),
        "22": node("SolidMask", value=1.0, width=128, height=256),
        "23": node("MaskComposite", destination=["21", 0], source=["22", 0], x=128, y=0, operation="add"),
        "25": node("SetLatentNoiseMask", samples=["20", 0], mask=["23", 0]),
    }
