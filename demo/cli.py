"""The command line: seeds sample, seeds samplers."""

import argparse
import inspect
import sys
import time
from dataclasses import fields, replace

from tqdm import tqdm

from ..sampling import SAMPLERS, steps_for_model_calls
from ..sampling.checks import whole_number
from ..sampling.schedule import model_calls_for_steps
from .draw import MOST_STEPS, SCHEDULES, Request, draw
from .files import device_of
from .grid import check_target, read_request, write


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and exits with code 2."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")


def read_as(kind):
    """A reader of option values; what it cannot read is left to the field's check, which knows what is allowed."""

    def read(text):
        try:
            return kind(text)
        except ValueError:
            return text

    return read


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
    whole, real = read_as(int), read_as(float)
    default = Request()
    sample.add_argument("--prompt", help=f"glyphs A-Z and 0-9, one image a glyph (default: {default.prompt})")
    sample.add_argument("--count", type=whole, help=f"rows of the prompt (default: {default.count})")
    sample.add_argument("--sampler", help=f"{', '.join(SAMPLERS)} (default: {default.sampler})")
    budget = sample.add_mutually_exclusive_group()
    budget.add_argument("--steps", type=whole, help=f"steps (default: {default.steps})")
    budget.add_argument("--model-calls", type=whole, help="as many steps as these model calls allow")
    sample.add_argument("--schedule", help=f"{', '.join(SCHEDULES)} (default: {default.schedule})")
    sample.add_argument("--eta", type=real, help=f"0: the ODE, 1: the reverse SDE (default: {default.eta})")
    sample.add_argument("--s-noise", type=real, help=f"factor of the noise (default: {default.s_noise})")
    sample.add_argument("--prediction", help=f"data, noise, v (default: {default.prediction})")
    sample.add_argument("--variant", help="of the sampler: 2a, 2b, 2s; 3a, 3b (default: the sampler's)")
    sample.add_argument(
        "--r", type=real, nargs="+", help="stage points: r for SEEDS-2; r_1 r_2, r_1 < r_2, for SEEDS-3"
    )
    sample.add_argument("--cfg", type=real, help=f"strength of guidance, 1: none (default: {default.cfg})")
    sample.add_argument(
        "--seed", type=whole, help=f"the first image's; the next has seed + 1 (default: {default.seed})"
    )
    sample.add_argument("--batch-size", type=whole, help=f"images at a time (default: {default.batch_size})")
    sample.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    sample.add_argument("--out", default="seeds.png", metavar="FILE.png", help="file to write (default: seeds.png)")
    sample.add_argument("--like", metavar="FILE.png", help="draw this file again; other options replace its own")
    return parser


def request_of(options):
    """The request that the command line's options ask for."""
    options = dict(options)
    request = read_request(options["like"]) if "like" in options else Request()
    given = {field.name: options[field.name] for field in fields(Request) if field.name in options}
    if isinstance(given.get("sampler"), str):
        given["sampler"] = {name.lower(): name for name in SAMPLERS}.get(given["sampler"].lower(), given["sampler"])
    if "sampler" in given and given["sampler"] != request.sampler:
        request = replace(request, variant=None, r=None)  # these belong to the other sampler
    request = replace(request, **given).checked()
    if "model_calls" in options:
        calls = whole_number("model-calls", options["model_calls"], least=1, most=MOST_STEPS)
        request = replace(request, steps=steps_for_model_calls(request.sampler, calls))
    return request


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
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    shared = f"All take {', '.join(key for key in common if key not in CONVENTION)}."
    return "\n".join([*lines, "", shared, "The last step goes to sigma 0 and takes one call."])


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
