"""Operations on latents that the loop and the methods with a memory share."""

import torch


def add_terms(total, dtype, *terms):
    """total + the sum of weight * tensor over terms, in place on `total`, or a new tensor where that is None.

    The terms' tensors are only read: the model or a callback may hold them. A term of weight 0 is left out, so that
    what is not finite in it does not spread.
    """
    for weight, tensor in terms:
        if weight == 0:
            continue
        if total is None:
            total = torch.mul(tensor.to(dtype), weight)
        else:
            total.add_(tensor, alpha=weight)
    return total


def inner(a, b):
    """The inner products of the images of two batches, (B,), without a full-size product between.

    Outside of autocast, which would round a matrix product to half precision.
    """
    with torch.autocast(a.device.type, enabled=False):
        return (a[..., None].flatten(1)[:, None] @ b[..., None].flatten(1)[..., None]).view(-1)


def quotient(a, b):
    """a / b, or 0 where both are 0."""
    return (a / b).nan_to_num(nan=0.0)


def for_each(image, like):
    """A number for each image, (B,), as a factor of latents of `like`'s shape."""
    return image.view(-1, *[1] * (like.ndim - 1))
