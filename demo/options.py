"""What the command lines share: the sampler's options, and tables."""

from dataclasses import replace

from ..sampling import SAMPLERS, options_of, steps_for_model_calls
from ..sampling.checks import choice, whole_number
from .draw import EMBEDDED, MOST_STEPS, PLAIN, SCHEDULES, flag, stage_points


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
    for name in option_names():
        about = help_of(name) + (", or r_1 and r_2" if name == "r" else "")
        parser.add_argument(f"--{flag(name)}", dest=name, nargs="+" if name == "r" else None, help=about)
    parser.add_argument("--cfg", type=real, help=f"strength of guidance, 1: none (default: {cfg or default.cfg})")
    parser.add_argument("--batch-size", type=whole, help=f"images at a time (default: {default.batch_size})")


def option_names():
    """The names of all samplers' options, each once."""
    return tuple(dict.fromkeys(option.name for sampler in SAMPLERS for option in options_of(sampler)))


def help_of(name):
    """What an option is, for the samplers that have it."""
    samplers = {}  # by what is said of the option
    for sampler in SAMPLERS:
        for option in options_of(sampler):
            if option.name == name:
                default = f"default: {shown(option.default)}"
                values = f"{', '.join(option.choices)}; {default}" if option.choices else default
                samplers.setdefault(f"{option.about} ({values})", []).append(sampler)
    of_all = len(samplers) == 1 and len(next(iter(samplers.values()))) == len(SAMPLERS)
    texts = [about if of_all else f"{', '.join(names)}: {about}" for about, names in samplers.items()]
    return "; ".join(texts).replace("%", "%%")


def shown(value):
    """A default, in short."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def with_options(request, options, levels=EMBEDDED):
    """`request` with the command line's options (a dict) in place of its own fields, checked for a model's levels."""
    given = {name: options[name] for name in PLAIN if name in options}
    if isinstance(given.get("sampler"), str):
        given["sampler"] = {name.lower(): name for name in SAMPLERS}.get(given["sampler"].lower(), given["sampler"])
    sampler = choice("sampler", given.get("sampler", request.sampler), SAMPLERS)
    shared = {option.name for option in options_of(sampler) if option in options_of(request.sampler)}
    kept = {name: value for name, value in request.options.items() if name in shared}
    request = replace(request, **given, options=kept | _values_of(sampler, options)).checked(levels)
    if "model_calls" in options:
        calls = whole_number("model-calls", options["model_calls"], least=1, most=MOST_STEPS)
        request = replace(request, steps=steps_for_model_calls(request.sampler, calls))
    return request


def _values_of(sampler, options):
    """The sampler's options among the command line's, read from their texts."""
    texts = {name: options[name] for name in option_names() if name in options}
    if "r" in texts:
        points = [real(text) for text in texts.pop("r")]
        texts = stage_points(sampler, points) | texts
    known = {option.name: option for option in options_of(sampler)}
    return {name: _read(known.get(name), text) for name, text in texts.items()}


def _read(option, text):
    """The value that the text of an option stands for; what cannot be read is left to the check."""
    if option is None or option.choices:
        return text
    return whole(text) if option.whole else real(text)


def table(rows):
    """Lines of rows of texts, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
