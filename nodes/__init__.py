"""The ComfyUI adapter: the samplers in every dropdown, and nodes of their own. The only code that imports comfy."""

from comfy_api.latest import ComfyExtension

from .compare import SEEDSCompare
from .demo import SEEDSDemoCheckpoint
from .dropdown import register
from .ksampler import SEEDSKSampler
from .ksampler_advanced import SEEDSKSamplerAdvanced
from .noise import SEEDSNoise
from .routes import add_routes
from .sampler import SEEDSSampler
from .scheduler import SEEDSScheduler
from .sigmas import SEEDSSigmasChart


class SEEDSExtension(ComfyExtension):
    async def get_node_list(self):
        register()  # here, because release 0.8 does not call on_load
        add_routes()
        return [
            SEEDSSampler, SEEDSScheduler, SEEDSSigmasChart, SEEDSKSampler, SEEDSKSamplerAdvanced, SEEDSNoise,
            SEEDSCompare, SEEDSDemoCheckpoint,
        ]  # fmt: skip
