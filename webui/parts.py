"""The conditional part of what the host's guided denoiser returns, which SEEDS-M reads as `cond_denoised`."""

from modules import shared


def ask(denoiser):
    """Have the host keep its unconditional prediction, as its own CFG++ samplers do; whether it can."""
    if not hasattr(denoiser, "need_last_noise_uncond"):  # Forge Classic
        return False
    denoiser.need_last_noise_uncond = True
    return True


def cond_denoised(denoiser, x, sigma, denoised, cond_scale, s_min_uncond=0.0):
    """The conditional part of `denoised`, what the denoiser made of x (B, ...) at sigma (B,); None if not known.

    What the host does beyond guidance counts as guidance. Not known under a mask, which the host blends in later, and
    in Forge where it may leave out the negative prompt and then keeps zeros for it.
    """
    uncond = getattr(denoiser, "last_noise_uncond", None)
    if uncond is None or uncond.shape != denoised.shape or getattr(denoiser, "mask", None) is not None:
        return None
    if getattr(denoiser.inner_model, "predictor", None) is not None:  # Forge keeps the noise, AUTOMATIC1111 the result
        if s_min_uncond or shared.opts.data.get("skip_early_cond", 0) > 0:
            return None
        cond_scale = denoiser.p.hr_cfg if getattr(denoiser.p, "is_hr_pass", False) else cond_scale
        uncond = x - uncond * sigma.view(-1, *[1] * (x.ndim - 1))
    if cond_scale == 1:
        return denoised
    return uncond + (denoised - uncond) / cond_scale if cond_scale else None
