"""The example workflows for models that one has to download, with the settings that docs/choosing.md recommends."""

from comfyui_graphs import node, seeds_graph

PROMPT = "a lighthouse on a cliff in a storm, waves breaking below, evening light"
FOLDER = "into **ComfyUI/models/checkpoints**, press **R**, and choose it in *Load Checkpoint*."
HUB = "https://huggingface.co"
LAYOUT = [{"Model, prompts, size": [["1", "4"], ["2", "3"]], "Sample": [["5"]], "Picture": [["6", "7"]]}]
FLUX_LAYOUT = [{"Model, prompts, size": [["1", "4"], ["2", "3", "8"]], "Sample": [["5"]], "Picture": [["6", "7"]]}]


def large_graph(kind, latent, **inputs):
    """KSampler (SEEDS) with SEEDS-M and 20 model calls on a checkpoint of that kind."""
    solver = {"solver": "SEEDS-M", "budget": "model calls", "budget.model_calls": 20}
    graph = seeds_graph(PROMPT, **solver, **inputs)
    graph["1"] = node("CheckpointLoaderSimple") | {"_meta": {"title": f"Load Checkpoint: {kind}"}}
    graph["4"] = node(latent, width=1024, height=1024, batch_size=1)
    return graph


SDXL = large_graph("SDXL", "EmptyLatentImage", scheduler="seeds", cfg=5.0)
SDXL["3"]["inputs"]["text"] = "blurry, watermark"
SDXL_NOTE = (
    "## SEEDS-M on SDXL\n\n**SEEDS-M**, scheduler **seeds**, 20 model calls, cfg 3 to 7: for all models like SDXL "
    "(SDXL, Pony, Illustrious, SD 1.5 at 512 x 512).\n\nFrom 30 model calls on, take **SEEDS-2** with **karras**.\n\n"
    f"**The model:** any SDXL checkpoint. Put it, or [sd_xl_base_1.0]({HUB}/stabilityai/stable-diffusion-xl-base-1.0), "
    f"{FOLDER}"
)

FLUX = large_graph("Flux", "EmptySD3LatentImage", scheduler="seeds", cfg=1.0)
FLUX["8"] = node("FluxGuidance", conditioning=["2", 0], guidance=3.5)
FLUX["5"]["inputs"]["positive"] = ["8", 0]
FLUX["3"]["_meta"] = {"title": "Negative prompt (none at cfg 1)"}
FLUX_NOTE = (
    "## SEEDS-M on Flux\n\n**SEEDS-M**, scheduler **seeds**, 20 model calls, cfg 1: for flow models that are distilled "
    "for guidance, like Flux dev. *FluxGuidance* takes the place of cfg.\n\nFor SD3 and Qwen-Image set their own cfg "
    "(3 to 5), without *FluxGuidance*. Do not take SEEDS-2 below 30 model calls on flow "
    f"models: pictures get flat.\n\n**The model:** put [flux1-dev-fp8]({HUB}/Comfy-Org/flux1-dev) {FOLDER}"
)
