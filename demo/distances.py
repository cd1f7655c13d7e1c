"""How far pictures are from others of the same seeds: each by itself, and as a batch."""

import torch

BANDS = {"low": (0.0, 0.25), "mid": (0.25, 0.5), "high": (0.5, 2.0)}  # of the highest frequency along an axis

ABOUT = {
    "distance": "root mean square difference from the reference of the same seed, averaged over the images: how far a "
    "picture is from the one that endless steps would give",
    "error": "standard error of that average; wide where a few images settle for another picture, as many do at strong "
    "guidance",
    "median": "the distance of the image in the middle: far below the average, if a few images make most of it",
    "mean": "brightness of the batch less that of the references, in their standard deviations",
    "contrast": "standard deviation of the batch over that of the references: below 1 is flat, above 1 harsh",
    "low, mid, high": "the same by spatial frequency, from shapes to details: high below 1 is soft, above 1 noisy; "
    "these can be right where each image differs",
}


def distances(images, references):
    """The root mean square difference of each image, (n, ...), from its reference: (n,)."""
    return (images.double() - references.double()).square().flatten(1).mean(1).sqrt()


def _centred(images):
    """(images less the mean of their channel, that mean), both float64; the channel is the second dimension."""
    images = images.double()
    others = [axis for axis in range(images.ndim) if axis != 1]
    mean = images.mean(others, keepdim=True)
    return images - mean, mean


def _power(centred):
    """The power in each of BANDS, over the last two dimensions."""
    power = torch.fft.fft2(centred).abs().square()
    rows, columns = (2 * torch.fft.fftfreq(size, dtype=torch.float64) for size in centred.shape[-2:])
    frequency = (rows[:, None].square() + columns.square()).sqrt()
    inside = [(frequency >= low) & (frequency < high) for low, high in BANDS.values()]
    return [power[..., band].mean().item() if band.any() else 0.0 for band in inside]


def batch_statistics(images, references):
    """{"mean", "contrast", "low", "mid", "high"} of a batch, (n, C, ..., H, W), against its references (ABOUT)."""
    (ours, mean), (theirs, other_mean) = _centred(images), _centred(references)
    deviation = theirs.square().mean().sqrt().item() or 1.0
    bands = zip(_power(ours), _power(theirs), strict=True)
    return {
        "mean": (mean - other_mean).mean().item() / deviation,
        "contrast": ours.square().mean().sqrt().item() / deviation,
        **{name: (a / b) ** 0.5 if b else 1.0 for name, (a, b) in zip(BANDS, bands, strict=True)},
    }


def mean_and_error(values):
    """The mean of numbers and its standard error (infinite for a single one)."""
    error = values.std().item() / len(values) ** 0.5 if len(values) > 1 else float("inf")
    return values.mean().item(), error


def not_told_apart(values, others):
    """Whether two samplers' distances of the same images differ by less than twice the difference's standard error."""
    mean, error = mean_and_error(values - others)
    return abs(mean) <= 2 * error
