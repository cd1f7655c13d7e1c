"""The command line: seeds sample, seeds samplers, seeds compare."""

import argparse
import sys
import time

from tqdm import tqdm

from ..sampling import SAMPLERS, model_calls_for_steps, options_of
from .compare import add_compare, compare
from .draw import Request, draw, flag
from .errors import line_of
from .files import device_of
from .grid import check_target, read_request, write
from .options import add_sampler_options, shown, table, whole, with_options


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and exits with code 2."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")


def build_parser():
    parser = Parser(prog="seeds", description="SEEDS: stochastic exponential samplers for diffusion models.")
    commands = parser.add_subparsers(
        dest="command", required=True, parser_class=Parser, metavar="{sample,samplers,compare}"
    )
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
    add_compare(commands)
    return parser


def request_of(options):
    """The request that the command line's options ask for."""
    request = Request()
    if "like" in options:
        request, unknown = read_request(options["like"])
        if unknown:
            names = ", ".join(map(shortened, unknown))
            print(f"seeds sample: like: {options['like']}; without {names}, not known here", file=sys.stderr)
    return with_options(request, options)


def shortened(name):
    """A name from a file, for a line of text."""
    return name if len(name) <= 40 and name.isprintable() else f"{name[:40]!r}..."


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


def list_samplers():
    """A table of the samplers."""
    rows = [("sampler", "calls a step", "order (ODE)", "order (SDE, weak)", "options of its own")]
    common = [one for one in options_of("SEEDS-1") if all(one in options_of(name) for name in SAMPLERS)]
    for name, function in SAMPLERS.items():
        own = [f"{flag(one.name)} {shown(one.default)}" for one in options_of(name) if one not in common]
        orders = (function.calls_per_step, function.ode_order, function.weak_order)
        rows.append((name, *map(str, orders), ", ".join(own)))
    shared = f"All have {', '.join(flag(one.name) for one in common)}."
    return "\n".join([*table(rows), "", shared, "The last step goes to sigma 0 and takes one call."])


def main(arguments=None):
    parser = build_parser()
    options = vars(parser.parse_args(arguments))
    try:
        command = {"samplers": lambda _: list_samplers(), "compare": compare, "sample": sample}[options["command"]]
        print(command(options))
    except (ValueError, OSError, ModuleNotFoundError) as error:
        parser.exit(2, f"seeds {options['command']}: {line_of(error)}\n")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
