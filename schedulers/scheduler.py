"""SEEDSScheduler: a solver taken one model call at a time, as diffusers' pipelines do."""

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers, SchedulerMixin
from diffusers.utils import BaseOutput

from ..sampling import sigmas_seeds
from ..sampling.checks import choice
from ..sampling.draws import Draws
from ..sampling.noise import NOISE_DEVICES
from ..sampling.samplers import plan_of
from ..sampling.schedule import noise_schedule_of
from ..sampling.solvers import SOLVERS
from ..sampling.stepper import Stepper
from .families import family_of, unsaid
from .gaussian import check, log_density, mean_of
from .noise import noise_of
from .timesteps import Timesteps


@dataclass
class SEEDSSchedulerOutput(BaseOutput):
    """What a step returns; mean, std and log_prob are step_with_log_prob's."""

    prev_sample: torch.Tensor
    pred_original_sample: torch.Tensor | None = None
    mean: torch.Tensor | None = None
    std: float | None = None
    log_prob: torch.Tensor | None = None


class SEEDSScheduler(Timesteps, SchedulerMixin, ConfigMixin):
    """The SEEDS samplers and ER-SDE as a scheduler, made from another one's config with `from_config`.

    Args:
        solver: "SEEDS-M", "ER-SDE", "SEEDS-1", "SEEDS-2" or "SEEDS-3".
        options: the solver's own options by name, as {"r": 0.5}; those of sample_seeds_m and its relatives.
        noise_sampler_seed: the seed of the noise: an int, or one for each image. It can be set later, too:
            scheduler.noise_sampler_seed = 42. None: from the generators that the pipeline passes to `step`, or, from a
            pipeline that passes none, from the latents that it starts from (docs/diffusers.md).
        noise_device: "cpu" or "gpu": where the noise is drawn; the same numbers, to rounding.
        use_seeds_sigmas: the steps of sigmas_seeds between the first level and the last.
        prediction_type: "epsilon", "v_prediction", "sample" or "flow_prediction".
        sigma_data: models in EDM's preconditioning: the standard deviation of their data.

    The others are those of EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, EDMEulerScheduler and
    UniPCMultistepScheduler, and mean what they mean there. N steps of a solver of k calls a step are k (N - 1) + 1
    timesteps. Latents and levels are those of EulerDiscreteScheduler (x = x0 + sigma eps) or, for flow models,
    FlowMatchEulerDiscreteScheduler. ValueError that names an argument that does not fit.
    """

    _compatibles = [one.name for one in KarrasDiffusionSchedulers]  # noqa: RUF012

    @register_to_config
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        beta_start: float = 0.0001,
        beta_end: float = 0.02,
        beta_schedule: str = "linear",
        trained_betas=None,
        prediction_type: str = "epsilon",
        rescale_betas_zero_snr: bool = False,
        timestep_spacing: str = "linspace",
        timestep_type: str = "discrete",
        steps_offset: int = 0,
        interpolation_type: str = "linear",
        use_karras_sigmas: bool = False,
        use_exponential_sigmas: bool = False,
        use_beta_sigmas: bool = False,
        use_seeds_sigmas: bool = False,
        sigma_min: float | None = None,
        sigma_max: float | None = None,
        sigma_data: float | None = None,
        sigma_schedule: str = "karras",
        rho: float = 7.0,
        use_flow_sigmas: bool = False,
        flow_shift: float = 1.0,
        shift: float = 1.0,
        shift_terminal: float | None = None,
        use_dynamic_shifting: bool = False,
        base_shift: float = 0.5,
        max_shift: float = 1.15,
        base_image_seq_len: int = 256,
        max_image_seq_len: int = 4096,
        time_shift_type: str = "exponential",
        invert_sigmas: bool = False,
        solver: str = "SEEDS-M",
        options: dict | None = None,
        noise_sampler_seed: int | list[int] | None = None,
        noise_device: str = "cpu",
    ):
        if use_seeds_sigmas and (use_karras_sigmas or use_exponential_sigmas or use_beta_sigmas):
            raise ValueError("use_seeds_sigmas: True; expected False with use_karras_sigmas or another one")
        self.solver = SOLVERS[choice("solver", solver, SOLVERS)](**(options or {}))
        self.order = self.solver.calls_per_step  # of timesteps, as diffusers counts them
        choice("noise_device", noise_device, NOISE_DEVICES)
        self.family = family_of(self.config)
        self.noise_schedule = noise_schedule_of(self.family.noise_schedule)
        self.noise_sampler, self.noise_sampler_seed = None, noise_sampler_seed
        self.num_inference_steps = None
        self.timesteps, self.sigmas = self.family.host.timesteps, self.family.host.sigmas  # all that training knows
        self._sigmas, self._levels, self._plan = self.sigmas.tolist(), None, None
        self._restart()

    @classmethod
    def from_config(cls, config=None, return_unused_kwargs=False, **kwargs):
        """A scheduler from another one's config."""
        for key, value in unsaid(config or {}).items():
            kwargs.setdefault(key, value)
        return super().from_config(config, return_unused_kwargs, **kwargs)

    def _restart(self):
        self._step_index = self._begin_index = self._stepper = self._returned = None

    def set_timesteps(self, num_inference_steps=None, device=None, sigmas=None, timesteps=None, mu=None):
        """The timesteps of a run, from a number of steps, sigmas or timesteps, as diffusers' own schedulers take them.

        mu: for use_dynamic_shifting.
        """
        levels = self.family.levels(num_inference_steps, sigmas, timesteps, mu)
        if self.config.use_seeds_sigmas and sigmas is None and timesteps is None:
            levels = sigmas_seeds(len(levels) - 1, levels[-2], levels[0], self.noise_schedule.name).tolist()
        self.num_inference_steps = len(levels) - 1
        self._levels = tuple(self.noise_schedule.read(levels))
        self._plan = plan_of(self.solver, self.noise_schedule, self._levels)
        self._sigmas = [stage.sigma for stage in self._plan.stages]
        self.timesteps = torch.tensor([self.family.timestep(sigma) for sigma in self._sigmas], device=device)
        self.sigmas = torch.tensor([*self._sigmas, self._levels[-1]])
        self._restart()

    def _begin(self, timestep):
        """What the first call of a run does, whichever method is called."""
        if self._step_index is None:
            index = self._begin_index
            if index is None:
                timestep = timestep.to(self.timesteps.device) if isinstance(timestep, torch.Tensor) else timestep
                index = self.index_for_timestep(timestep)
            self._step_index = index
        elif self._step_index == len(self._sigmas):
            raise ValueError(f"timestep: {float(timestep)}; the run is over; expected set_timesteps to be called first")

    def scale_model_input(self, sample, timestep=None):
        """The sample as the model is to see it."""
        self._begin(timestep)
        return self.family.model_input(sample, self._sigmas[self._step_index])

    def _start(self, sample, generator):
        """A stepper that begins with the model call number `step_index`."""
        if self._levels is None:
            raise ValueError("num_inference_steps: None; expected set_timesteps to be called first")
        step, within = divmod(self._step_index, self.order)
        if within:
            calls = f"{self.config.solver}'s model calls a step"
            raise ValueError(f"begin_index: {self._step_index}; expected a multiple of {self.order}, {calls}")
        plan = plan_of(self.solver, self.noise_schedule, self._levels[step:]) if step else self._plan
        self.noise_sampler = None
        if plan.draws:
            path = noise_of(sample, self.noise_sampler_seed, generator, self.config.noise_device)
            self.noise_sampler = path.in_clock(self.solver.form, self.noise_schedule)
        self._stepper = Stepper(plan, sample, Draws(self.noise_sampler, plan, sample))

    def _ready(self, model_output, timestep, sample, generator, cond_output=None):
        """What the stepper is to advance with: (denoised, cond_denoised, x); x is None where it has it already."""
        self._begin(timestep)
        precision = torch.promote_types(sample.dtype, torch.float32)
        if self._stepper is None:
            self._start(sample.to(precision), generator)
        known = self._returned is not None and sample is self._returned[0] and version(sample) == self._returned[1]
        sample, sigma = sample.to(precision), self._sigmas[self._step_index]
        denoised, cond_denoised = (
            None if output is None else self.family.denoised(sample, output.to(precision), sigma)
            for output in (model_output, cond_output)
        )  # fmt: skip
        return denoised, cond_denoised, None if known else sample

    def _advance(self, denoised, cond_denoised, x):
        """The move of one model call; returns where it leads to."""
        with torch.no_grad():
            self._stepper.advance(denoised, cond_denoised, x)
        self._step_index += 1
        reached = self._stepper.x
        if self._stepper.done:
            self._stepper = None
        return reached

    def step(self, model_output, timestep, sample, generator=None, return_dict=True, cond_output=None):
        """Go on to the next timestep with what the model returned for `sample` at `timestep`.

        generator: one, or one for each image; read at the first call of a run, and not drawn from. A sample that is not
        what the call before returned, as inpainting makes it, is taken as it is. cond_output: of a guided model_output
        the part with the prompt; SEEDS-M is nearer with it, but no pipeline of diffusers passes it. Returns
        SEEDSSchedulerOutput, or (prev_sample, pred_original_sample).
        """
        denoised, cond_denoised, x = self._ready(model_output, timestep, sample, generator, cond_output)
        prev_sample = self._advance(denoised, cond_denoised, x).to(sample.dtype)
        self._returned = prev_sample, version(prev_sample)
        denoised = denoised.to(sample.dtype)
        return SEEDSSchedulerOutput(prev_sample, denoised) if return_dict else (prev_sample, denoised)

    def step_with_log_prob(self, model_output, timestep, sample, prev_sample=None, generator=None):
        """As `step`, with the Gaussian that the next sample was drawn from, and its log-probability density.

        prev_sample: what was drawn, to be given its density; left out, it is drawn. In the result `mean` is like the
        sample, in float32, `std` a float, `log_prob` (B,), the density of all elements of an image; log_prob is None
        where std is 0: nothing is drawn in the step to sigma 0. mean and log_prob have gradients in model_output. The
        density is that given the samples and model outputs before, which the scheduler remembers: give a trajectory
        from its beginning, in order. ValueError for SEEDS-2's variant "2s", whose model calls share their noise.
        """
        denoised, _, x = self._ready(model_output, timestep, sample, generator)
        check(self._stepper.plan, self.solver)
        x = sample.to(denoised.dtype)  # to the last bit what a later look at the trajectory has
        std, mean = self._stepper.stage.noise, mean_of(self._stepper, denoised, x)
        reached = self._advance(denoised, None, x).to(sample.dtype)
        prev_sample = reached if prev_sample is None else prev_sample
        log_prob = log_density(prev_sample.to(mean.dtype), mean, std) if std else None
        self._returned = None
        return SEEDSSchedulerOutput(prev_sample, denoised.detach().to(sample.dtype), mean, std, log_prob)


def version(tensor):
    """Counts the changes of a tensor in place; inference mode does not."""
    return None if tensor.is_inference() else tensor._version
