"""seeds-samplers: stochastic exponential samplers for diffusion models.

Importing this package costs nothing: no torch, no host. The samplers are in `seeds_samplers.sampling`. ComfyUI finds
here what it looks for in a folder of custom_nodes.
"""

WEB_DIRECTORY = "./js"


async def comfy_entrypoint():
    from .nodes import SEEDSExtension

    return SEEDSExtension()
