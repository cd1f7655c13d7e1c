"""What the command lines share: the sampler's options, and tables."""

from dataclasses import fields, replace

from ..sampling import SAMPLERS, steps_for_model_calls
from ..sampling.checks import whole_number
from .draw import EMBEDDED, MOST_STEPS, SCHEDULES, Request


def read_as(kind):
    """A reader of option values; what it cannot read is left to the field's check, which knows what is allowed."""

    def read(text):
        try:
            return kind(text)
        except ValueError:
            return text

    return read


whole, real = read_as(int), read_as(float)


def add_sampler_options(parser, default, cfg=None):
    """The options that say how an image is drawn. default: a Request, for the help; cfg: its default in words."""
    parser.add_argument("--sampler", help=f"{', '.join(SAMPLERS)} (default: {default.sampler})")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--steps", type=whole, help=f"steps (default: {default.steps})")
    budget.add_argument("--model-calls", type=whole, help="as many steps as these model calls allow")
    parser.add_argument("--schedule", help=f"{', '.join(SCHEDULES)} (default: {default.schedule})")
    parser.add_argument("--eta", type=real, help=f"0: the ODE, 1: the reverse SDE (default: {default.eta})")
    parser.add_argument("--s-noise", type=real, help=f"factor of the noise (default: {default.s_noise})")
    parser.add_argument("--prediction", help=f"data, noise, v (default: {default.prediction})")
    parser.add_argument("--variant", help="of the sampler: 2a, 2b, 2s; 3a, 3b (default: the sampler's)")
    parser.add_argument(
        "--r", type=real, nargs="+", help="stage points: r for SEEDS-2; r_1 r_2, r_1 < r_2, for SEEDS-3"
    )
    parser.add_argument("--cfg", type=real, help=f"strength of guidance, 1: none (default: {cfg or default.cfg})")
    parser.add_argument("--batch-size", type=whole, help=f"images at a time (default: {default.batch_size})")


def with_options(request, options, levels=EMBEDDED):
    """`request` with the command line's options (a dict) in place of its own fields, checked for a model's levels."""
    given = {field.name: options[field.name] for field in fields(Request) if field.name in options}
    if isinstance(given.get("sampler"), str):
        given["sampler"] = {name.lower(): name for name in SAMPLERS}.get(given["sampler"].lower(), given["sampler"])
    if "sampler" in given and given["sampler"] != request.sampler:
        request = replace(request, variant=None, r=None)  # these belong to the other sampler
    request = replace(request, **given).checked(levels)
    if "model_calls" in options:
        calls = whole_number("model-calls", options["model_calls"], least=1, most=MOST_STEPS)
        request = replace(request, steps=steps_for_model_calls(request.sampler, calls))
    return request


def table(rows):
    """Lines of rows of texts, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
