"""The example workflows: graphs in API format, what their notes say, and how they are laid out."""

from dataclasses import dataclass, field

from comfyui_graphs import (
    CONDITIONING,
    LATENT,
    MODEL,
    NEGATIVE,
    POSITIVE,
    custom_graph,
    default_graph,
    inpaint_graph,
    node,
    seeds_graph,
    split_graph,
)
from comfyui_large import FLUX, FLUX_LAYOUT, FLUX_NOTE, LAYOUT, SDXL, SDXL_NOTE

SEED = "60"  # the node of a seed that several nodes share
INPUTS = {"Model, prompts, size": [["1", "4"], ["2", "3"]]}
SHARED = {"Model, prompts, size, seed": [["1", "4", SEED], ["2", "3"]]}
PICTURE = {"Picture": [["6", "7"]]}
OWN_MODEL = (
    "\n\n**With your own model:** put *Load Checkpoint* in place of *SEEDS Demo Checkpoint*, and set the image size, "
    "the prompts and cfg (about 5) as usual."
)


@dataclass
class Example:
    """layout: rows of groups, {title: columns of nodes}. shown: the nodes whose pictures make the thumbnail.

    titles, sizes: of nodes. seed: the nodes that share one seed. control: what becomes of the seed after a run.
    alike: pictures, (node, place), that are the same.
    own_model: the user chooses a checkpoint; such a workflow cannot be run here.
    """

    graph: dict
    note: str
    layout: list
    titles: dict = field(default_factory=dict)
    shown: tuple = ("7",)
    seed: tuple = ()
    control: str = "randomize"
    alike: tuple = ()
    sizes: dict = field(default_factory=dict)
    own_model: bool = False

    def __post_init__(self):
        for number, title in self.titles.items():
            self.graph[number]["_meta"] = {"title": title}
        for one in self.graph.values():  # a look at the picture, no file
            if one["class_type"] == "SaveImage":
                one["class_type"] = "PreviewImage"
                del one["inputs"]["filename_prefix"]


def view(sampler, decode, preview):
    """One more picture, of that sampler's latent."""
    return {
        decode: node("VAEDecode", samples=[sampler, 0], vae=["1", 2]),
        preview: node("PreviewImage", images=[decode, 0]),
    }


def hires_graph():
    """192 pixels, then 256: the second pass starts at half of the steps."""
    graph = default_graph("G", sampler_name="SEEDS-2", steps=12) | view("5", "8", "9")
    second = dict(seed=5, steps=12, cfg=2.0, sampler_name="SEEDS-2", scheduler="karras", denoise=0.5)
    graph["4"]["inputs"].update(width=192, height=192)
    size = dict(width=256, height=256, crop="disabled")
    graph["20"] = node("LatentUpscale", samples=["5", 0], upscale_method="bicubic", **size)
    graph["21"] = node("KSampler", **CONDITIONING | {"latent_image": ["20", 0]}, **second)
    graph["6"]["inputs"]["samples"] = ["21", 0]
    return graph


def few_and_many():
    """SEEDS-M with 12 model calls, SEEDS-2 with 39."""
    few = seeds_graph("M", 2, solver="SEEDS-M", scheduler="seeds", budget="model calls", **{"budget.model_calls": 12})
    many = seeds_graph("M", 2, budget="model calls", **{"budget.model_calls": 39})
    return few | {"30": many["5"]} | view("30", "31", "32")


def steps_graph():
    """Four runs with one seed: 10 nodes a run, from 11, 21, ..."""
    graph = {number: one for number, one in default_graph("R").items() if number < "5"}
    for i, steps in enumerate((8, 16, 32, 64), 1):
        graph[f"{i}1"] = default_graph(steps=steps)["5"]
        graph |= view(f"{i}1", f"{i}2", f"{i}3")
    return graph


def batch_graph():
    """A batch of four, and its third image alone."""
    graph = seeds_graph("B", 4)
    alone = seeds_graph("B")["5"]
    alone["inputs"]["latent_image"] = ["40", 0]
    third = {"40": node("LatentFromBatch", samples=LATENT, batch_index=2, length=1), "30": alone}
    return graph | third | view("30", "31", "32")


def compare_graph():
    given = dict(seed=5, cfg=2.0, samplers="SEEDS-M\ndpmpp_2m_sde\neuler_ancestral", schedulers="karras, seeds")
    given |= dict(model_calls="8, 16", reference_calls=64, denoise=1.0)
    conditioning = dict(model=MODEL, positive=POSITIVE, negative=NEGATIVE, latent_image=LATENT, vae=["1", 2])
    graph = {number: one for number, one in default_graph("C", 2).items() if number < "5"}
    return graph | {
        "5": node("SEEDSCompare", **conditioning, **given),
        "6": node("PreviewImage", images=["5", 1]),
        "7": node("PreviewImage", images=["5", 2]),
        "8": node("PreviewAny", source=["5", 4]),
    }


EXAMPLES = {
    "SEEDS-2 - start here": Example(
        default_graph("S", 4, steps=20),
        "## SEEDS-2 in the ordinary KSampler\n\nPress **Run**. The demo model needs no download: it draws the letter "
        "or digit of the prompt.\n\nRun again for another seed. Set *control after generate* to **fixed**, then change "
        "**steps**: the pictures stay and get finer. Change **batch_size**: each picture stays as it is." + OWN_MODEL,
        [INPUTS | {"Sample": [["5"]]} | PICTURE],
    ),
    "SEEDS-M - 12 model calls": Example(
        few_and_many(),
        "## Few model calls\n\n**SEEDS-M** with the scheduler **seeds**: 12 model calls, one a step. Below, "
        "**SEEDS-2** with 39. The time goes into model calls.\n\nThe chart in the node shows where they are: noise is "
        "on the left, the picture on the right.\n\nBoth have one seed. With so few calls the letter is there, but its "
        "colours may not be those of many calls yet." + OWN_MODEL,
        [
            SHARED | {"SEEDS-M, 12 model calls": [["5"], ["6", "7"]]},
            {"SEEDS-2, 39 model calls": [["30"], ["31", "32"]]},
        ],
        titles={"7": "12 model calls", "32": "39 model calls"},
        shown=("7", "32"),
        seed=("5", "30"),
    ),
    "SEEDS - one seed, 8 to 64 steps": Example(
        steps_graph(),
        "## More steps, the same picture\n\nFour KSamplers with one seed, and 8, 16, 32 and 64 steps. The picture gets "
        "finer and stays what it is.\n\nChoose **euler_ancestral** or **seeds_2** in all four: now each has a picture "
        "of its own, since their noise depends on the number of steps. *SEEDS Noise for Any Sampler* gives them, in "
        "*SamplerCustom*, the noise that stays." + OWN_MODEL,
        [
            SHARED | {f"{steps} steps": [[f"{i}1"], [f"{i}2", f"{i}3"]] for i, steps in ((1, 8), (2, 16))},
            {f"{steps} steps": [[f"{i}1"], [f"{i}2", f"{i}3"]] for i, steps in ((3, 32), (4, 64))},
        ],
        titles={f"{i}3": f"{steps} steps" for i, steps in enumerate((8, 16, 32, 64), 1)},
        shown=("13", "23", "33", "43"),
        seed=("11", "21", "31", "41"),
    ),
    "SEEDS - a batch and one image of it": Example(
        batch_graph(),
        "## Draw one image of a batch again\n\nThe upper sampler draws four pictures. *Latent From Batch* picks the "
        "third (**batch_index** 2, counted from 0), and the lower sampler draws it alone: the same picture.\n\nSo you "
        "can look through a large batch with few steps, and give more steps, or a variation seed, to the one that you "
        "like.\n\nThis works with *KSampler (SEEDS)*. With *SamplerCustomAdvanced*, connect the latent to *SEEDS "
        "Sampler*, too." + OWN_MODEL,
        [SHARED | {"The batch": [["5"], ["6", "7"]]}, {"The third alone": [["40"], ["30"], ["31", "32"]]}],
        titles={"40": "The third of the batch", "7": "Four", "32": "The third alone"},
        seed=("5", "30"),
        alike=(("7", 2), ("32", 0)),
    ),
    "SEEDS - custom sampling": Example(
        custom_graph("E"),
        "## A solver and its noise levels, apart\n\n*SEEDS Sampler* has the options of the solver. *SEEDS Scheduler* "
        "turns **24 model calls** into steps: SEEDS-2 takes two a step. Choose SEEDS-3 in *SEEDS Sampler* and watch "
        "the chart." + OWN_MODEL,
        [INPUTS | {"Solver and noise levels": [["30"], ["31"]], "Sample": [["5"]]} | PICTURE],
    ),
    "SEEDS - one run over two samplers": Example(
        split_graph("D") | {"30": default_graph("D")["5"]} | view("30", "31", "32"),
        "## A run cut in two is the same run\n\nTwo *KSampler (Advanced)* with one seed, the second with "
        "**add_noise** off, draw the picture that one KSampler draws. Compare the two. This holds for SEEDS-1, "
        "SEEDS-2 and SEEDS-3; *KSampler (SEEDS, Advanced)* does the same with all their options."
        "\n\nUse it to change the prompt, the model or the guidance on the way.",
        [SHARED | {"In two": [["8"], ["5"], ["6", "7"]]}, {"In one": [["30"], ["31", "32"]]}],
        titles={"8": "Steps 0 to 5", "5": "Steps 5 to the end", "30": "All steps", "7": "In two", "32": "In one"},
        shown=("7", "32"),
        seed=("8", "5", "30"),
        alike=(("7", 0), ("32", 0)),
    ),
    "SEEDS - inpainting": Example(
        inpaint_graph("R"),
        "## Half of a picture, painted anew\n\nThe mask is white where the second KSampler may paint: the right half. "
        "The left half stays, to the last pixel." + OWN_MODEL,
        [
            INPUTS | {"The picture": [["5"], ["6"]], "Mask": [["21", "22"], ["23"]]},
            {"The right half again": [["20", "25"], ["26"], ["27", "7"]]},
        ],
        titles={"5": "The picture", "26": "The right half again"},
    ),
    "SEEDS - hires fix": Example(
        hires_graph(),
        "## Small first, then large\n\nThe first pass draws 192 x 192. Its latent is enlarged, and the second pass, "
        "with **denoise** 0.5, draws the details at 256 x 256. More denoise changes more." + OWN_MODEL,
        [INPUTS | {"First pass": [["5"], ["8", "9"]]}, {"Second pass": [["20"], ["21"], ["6", "7"]]}],
        titles={"5": "First pass", "21": "Second pass", "9": "First", "7": "Second"},
    ),
    "SEEDS Compare - which sampler for your model": Example(
        compare_graph(),
        "## Measure samplers on your model\n\nThe node draws each image of the batch with each sampler at 8 and at 16 "
        "model calls, and measures how far it is from the converged picture, the one that endless steps would draw "
        "from the same seed.\n\nThe **grid** has a row for each sampler and scheduler, and the converged picture last. "
        "The **chart** and the **report** say which is nearest.\n\nThe seed is fixed: stop when you like, add a "
        "sampler, and run again; only what is missing is drawn.\n\nTwo images are a first look; take 4 to 16, and 200 "
        "reference calls, to decide." + OWN_MODEL,
        [INPUTS | {"Compare": [["5"]], "Grid and chart": [["6", "7"]], "Report": [["8"]]}],
        titles={"6": "Grid", "7": "Chart", "8": "Report"},
        sizes={"5": [400, 760], "6": [560, 560], "7": [560, 420], "8": [900, 420]},
        control="fixed",
        shown=("6",),
    ),
    "SEEDS-M - SDXL": Example(SDXL, SDXL_NOTE, LAYOUT, own_model=True),
    "SEEDS-M - Flux": Example(FLUX, FLUX_NOTE, FLUX_LAYOUT, own_model=True),
}
