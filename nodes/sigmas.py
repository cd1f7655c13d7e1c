"""SEEDSSigmasChart: shows where the noise levels of any scheduler lie."""

from comfy_api.latest import io

from .chart import chart_of_levels, tell
from .compat import schema


class SEEDSSigmasChart(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "BasicScheduler",
            node_id="SEEDSSigmasChart",
            display_name="SEEDS Sigmas Chart",
            description="Shows where noise levels lie between noise (left) and image (right), from any scheduler, and "
            "passes them on.",
            search_aliases=["SEEDS", "sigmas", "preview sigmas", "plot sigmas", "graph", "lambda", "log SNR"],
            inputs=[
                io.Sigmas.Input("sigmas", tooltip="From any scheduler."),
                io.Model.Input(
                    "model", optional=True,
                    tooltip="The model that the levels are for. Only needed for a part of a run with no level above 1: "
                    "it says whether this is a flow model.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(cls, sigmas, model=None) -> io.NodeOutput:
        told = chart_of_levels(sigmas.float().cpu(), model and model.get_model_object("model_sampling"))
        return io.NodeOutput(sigmas, ui=tell(cls.hidden.unique_id, told))
