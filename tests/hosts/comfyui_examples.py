"""The example workflows: graphs in API format, what their notes say, and the groups that they are in."""

from dataclasses import dataclass, field

from comfyui_graphs import CONDITIONING, custom_graph, default_graph, inpaint_graph, node, seeds_graph, split_graph

OWN_MODEL = (
    "\n\n**With your own model:** put *Load Checkpoint* in place of *SEEDS Demo Checkpoint*, and set the image size, "
    "the prompts and cfg (about 5) as usual."
)


@dataclass
class Example:
    """titles: of nodes. groups: the nodes in a frame of that name. shown: the node whose picture is the thumbnail."""

    graph: dict
    note: str
    titles: dict = field(default_factory=dict)
    groups: dict = field(default_factory=dict)
    shown: str = "7"

    def __post_init__(self):
        for number, title in self.titles.items():
            self.graph[number]["_meta"] = {"title": title}
        for one in self.graph.values():  # a look at the picture, no file
            if one["class_type"] == "SaveImage":
                one["class_type"] = "PreviewImage"
                del one["inputs"]["filename_prefix"]


def with_view(graph, sampler, decode, save):
    """The graph with one more picture, of that sampler's latent."""
    return graph | {
        decode: node("VAEDecode", samples=[sampler, 0], vae=["1", 2]),
        save: node("PreviewImage", images=[decode, 0]),
    }


def hires_graph():
    """192 pixels, then 256: the second pass starts at half of the steps."""
    graph = with_view(default_graph("G", sampler_name="SEEDS-2", steps=12), "5", "8", "9")
    second = dict(seed=5, steps=12, cfg=2.0, sampler_name="SEEDS-2", scheduler="karras", denoise=0.5)
    graph["4"]["inputs"].update(width=192, height=192)
    size = dict(width=256, height=256, crop="disabled")
    graph["20"] = node("LatentUpscale", samples=["5", 0], upscale_method="bicubic", **size)
    graph["21"] = node("KSampler", **CONDITIONING | {"latent_image": ["20", 0]}, **second)
    graph["6"]["inputs"]["samples"] = ["21", 0]
    return graph


def split_and_whole():
    """A run over two samplers, and the same in one."""
    whole = default_graph("D")["5"]
    return with_view(split_graph("D") | {"30": whole}, "30", "31", "32")


EXAMPLES = {
    "SEEDS-2 - start here": Example(
        default_graph("S", 4, steps=20),
        "## SEEDS-2 in the ordinary KSampler\n\nPress **Run**. The demo model needs no download: it draws the letter "
        "or digit of the prompt.\n\nRun again for the next seed. Change **steps**: the pictures of a seed stay and get "
        "finer. Change **batch_size**: each picture stays as it is." + OWN_MODEL,
    ),
    "SEEDS-M - 12 model calls": Example(
        seeds_graph("M", 4, solver="SEEDS-M", scheduler="seeds", budget="model calls", **{"budget.model_calls": 12}),
        "## Few model calls\n\n**SEEDS-M** with the scheduler **seeds**: 12 model calls, one a step. The chart in the "
        "node shows where they are: noise is on the left, the picture on the right." + OWN_MODEL,
        titles={"5": "KSampler (SEEDS): SEEDS-M"},
    ),
    "SEEDS - custom sampling": Example(
        custom_graph("E"),
        "## A solver and its noise levels, apart\n\n*SEEDS Sampler* has the options of the solver. *SEEDS Scheduler* "
        "turns **24 model calls** into steps: SEEDS-2 takes two a step. Choose SEEDS-3 in *SEEDS Sampler* and watch "
        "the chart." + OWN_MODEL,
    ),
    "SEEDS - one run over two samplers": Example(
        split_and_whole(),
        "## A run cut in two is the same run\n\nTwo *KSampler (Advanced)* with one seed, the second with "
        "**add_noise** off, draw the picture that one KSampler draws. Compare the two. This holds for SEEDS-1, "
        "SEEDS-2 and SEEDS-3."
        "\n\nUse it to change the prompt, the model or the guidance on the way.",
        titles={"8": "Steps 0 to 5", "5": "Steps 5 to the end", "30": "All steps", "7": "In two", "32": "In one"},
        groups={"In two": ["8", "5", "6", "7"], "In one": ["30", "31", "32"]},
    ),
    "SEEDS - inpainting": Example(
        inpaint_graph("R"),
        "## Half of a picture, painted anew\n\nThe mask is white where the second KSampler may paint: the right half. "
        "The left half stays, to the last pixel." + OWN_MODEL,
        titles={"5": "The picture", "26": "The right half again"},
        groups={"Mask": ["21", "22", "23"], "Second pass": ["20", "25", "26", "27", "7"]},
    ),
    "SEEDS - hires fix": Example(
        hires_graph(),
        "## Small first, then large\n\nThe first pass draws 192 x 192. Its latent is enlarged, and the second pass, "
        "with **denoise** 0.5, draws the details at 256 x 256. More denoise changes more." + OWN_MODEL,
        titles={"5": "First pass", "21": "Second pass", "9": "First", "7": "Second"},
        groups={"Second pass": ["20", "21", "6", "7"], "First pass": ["5", "8", "9"]},
    ),
}
