"""The command line: seeds sample, seeds samplers."""

import argparse
import inspect
import sys
import time

from tqdm import tqdm

from ..sampling import SAMPLERS
from ..sampling.schedule import model_calls_for_steps
from .draw import Request, draw
from .files import device_of
from .grid import check_target, read_request, write
from .options import add_sampler_options, table, whole, with_options


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and exits with code 2."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")


def build_parser():
    parser = Parser(prog="seeds", description="SEEDS: stochastic exponential samplers for diffusion models.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser, metavar="{sample,samplers}")
    commands.add_parser("samplers", help="list the samplers", description="List the samplers.")
    sample = commands.add_parser(
        "sample",
        help="draw glyphs with the embedded model",
        description="Draw a grid of glyphs with the embedded model. The PNG carries its parameters.",
        argument_default=argparse.SUPPRESS,
    )
    default = Request()
    sample.add_argument("--prompt", help=f"glyphs A-Z and 0-9, one image a glyph (default: {default.prompt})")
    sample.add_argument("--count", type=whole, help=f"rows of the prompt (default: {default.count})")
    add_sampler_options(sample, default)
    sample.add_argument(
        "--seed", type=whole, help=f"the first image's; the next has seed + 1 (default: {default.seed})"
    )
    sample.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    sample.add_argument("--out", default="seeds.png", metavar="FILE.png", help="file to write (default: seeds.png)")
    sample.add_argument("--like", metavar="FILE.png", help="draw this file again; other options replace its own")
    return parser


def request_of(options):
    """The request that the command line's options ask for."""
    return with_options(read_request(options["like"]) if "like" in options else Request(), options)


def sample(options):
    """Draw and write; the line that says what was done."""
    request, out, device = request_of(options), check_target(options["out"]), device_of(options["device"])
    started = time.monotonic()
    batches = -(-len(request.prompt) * request.count // request.batch_size)
    with tqdm(total=request.steps * batches, desc=request.sampler, unit="step") as bar:
        images = draw(request, device, bar.update)
    write(out, images, request)
    calls = model_calls_for_steps(request.sampler, request.steps)
    return f"{request.sampler}, {request.steps} steps, {calls} model calls, {time.monotonic() - started:.1f} s, {out}"


CONVENTION = ("model", "x", "sigmas", "extra_args", "callback", "disable")  # k-diffusion's


def shown(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def list_samplers():
    """A table of the samplers."""
    rows = [("sampler", "calls a step", "order (ODE)", "order (SDE, weak)", "options of its own")]
    parameters = {name: inspect.signature(function).parameters for name, function in SAMPLERS.items()}
    common = [key for key in parameters["SEEDS-1"] if all(key in known for known in parameters.values())]
    for name, function in SAMPLERS.items():
        own = [f"{key}={shown(one.default)}" for key, one in parameters[name].items() if key not in common]
        orders = (function.calls_per_step, function.ode_order, function.weak_order)
        rows.append((name, *map(str, orders), ", ".join(own)))
    shared = f"All take {', '.join(key for key in common if key not in CONVENTION)}."
    return "\n".join([*table(rows), "", shared, "The last step goes to sigma 0 and takes one call."])


def main(arguments=None):
    parser = build_parser()
    options = vars(parser.parse_args(arguments))
    try:
        print(list_samplers() if options["command"] == "samplers" else sample(options))
    except (ValueError, OSError) as error:
        parser.exit(2, f"seeds {options['command']}: {' '.join(str(error).split())}\n")
    except ModuleNotFoundError as error:
        parser.exit(
            2, f"seeds {options['command']}: needs {error.name.split('.')[0]}; pip install 'seeds-samplers[demo]'\n"
        )
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
