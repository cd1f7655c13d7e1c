"""Pipelines of diffusers with tiny random networks, built here: no download. Each takes a scheduler."""

import diffusers
import torch

TEXT = 32  # the width of a text encoder's output


def made(build, *arguments, **settings):
    """A network with weights that do not depend on what was built before."""
    torch.manual_seed(0)
    return build(*arguments, **settings).eval()


def vae(channels=4, **settings):
    return made(
        diffusers.AutoencoderKL, block_out_channels=(8, 8), norm_num_groups=4, latent_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, sample_size=16,
        **settings,
    )  # fmt: skip


UNET = dict(
    sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, cross_attention_dim=TEXT,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), attention_head_dim=4,
)  # fmt: skip
WITH_SIZES = dict(
    addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=48 + TEXT
)


def unet(**settings):
    return made(
        diffusers.UNet2DConditionModel, up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **UNET, **settings
    )  # fmt: skip


def quiet(pipe):
    pipe.set_progress_bar_config(disable=True)
    return pipe


def stable_diffusion(scheduler, kind=diffusers.StableDiffusionPipeline, **more):
    parts = dict(vae=vae(), text_encoder=None, tokenizer=None, unet=unet(), safety_checker=None, feature_extractor=None)
    return quiet(kind(scheduler=scheduler, requires_safety_checker=False, **parts, **more))


def controlnet():
    return made(diffusers.ControlNetModel, conditioning_embedding_out_channels=(4, 4), **{
        name: value for name, value in UNET.items() if name != "sample_size"
    })  # fmt: skip


def stable_diffusion_xl(scheduler, kind=diffusers.StableDiffusionXLPipeline):
    text = dict(text_encoder=None, text_encoder_2=None, tokenizer=None, tokenizer_2=None)
    return quiet(kind(vae=vae(), unet=unet(**WITH_SIZES), scheduler=scheduler, add_watermarker=False, **text))


def stable_diffusion_3(scheduler):
    text = {f"{part}{n}": None for part in ("text_encoder", "tokenizer") for n in ("", "_2", "_3")}
    transformer = made(
        diffusers.SD3Transformer2DModel, sample_size=8, patch_size=1, in_channels=4, num_layers=1, attention_head_dim=8,
        num_attention_heads=4, caption_projection_dim=32, joint_attention_dim=TEXT, pooled_projection_dim=TEXT,
        out_channels=4,
    )  # fmt: skip
    parts = dict(transformer=transformer, vae=vae(shift_factor=0.06, scaling_factor=1.5))
    return quiet(diffusers.StableDiffusion3Pipeline(scheduler=scheduler, **parts, **text))


def flux(scheduler, kind=diffusers.FluxPipeline):
    transformer = made(
        diffusers.FluxTransformer2DModel, patch_size=1, in_channels=16, num_layers=1, num_single_layers=1,
        attention_head_dim=16, num_attention_heads=2, joint_attention_dim=TEXT, pooled_projection_dim=TEXT,
        axes_dims_rope=[4, 4, 8],
    )  # fmt: skip
    text = dict(text_encoder=None, text_encoder_2=None, tokenizer=None, tokenizer_2=None)
    parts = dict(transformer=transformer, vae=vae(shift_factor=0.06, scaling_factor=1.5))
    return quiet(kind(scheduler=scheduler, **parts, **text))


def wan(scheduler):
    transformer = made(
        diffusers.WanTransformer3DModel, patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12,
        in_channels=16, out_channels=16, text_dim=TEXT, freq_dim=32, ffn_dim=32, num_layers=2, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", rope_max_seq_len=32,
    )  # fmt: skip
    autoencoder = made(diffusers.AutoencoderKLWan, base_dim=3, z_dim=16, dim_mult=[1] * 4, num_res_blocks=1)
    parts = dict(transformer=transformer, vae=autoencoder, tokenizer=None, text_encoder=None)
    return quiet(diffusers.WanPipeline(scheduler=scheduler, **parts))


def words(batch, length=5, seed=3):
    """What a text encoder could have returned for the prompts of a batch; prompt i does not depend on the others."""
    rows = [torch.randn(length, TEXT, generator=torch.Generator().manual_seed(seed + i)) for i in range(batch)]
    return torch.stack(rows)


def prompt(batch, pooled=False, negative=True):
    """The arguments of a pipeline that stand for `batch` prompts."""
    given = {"prompt_embeds": words(batch)}
    if pooled:
        given["pooled_prompt_embeds"] = words(batch)[:, 0]
    if negative:
        given["negative_prompt_embeds"] = words(1, seed=50).expand(batch, -1, -1)
    if negative and pooled:
        given["negative_pooled_prompt_embeds"] = words(1, seed=50)[:, 0].expand(batch, -1)
    return given
