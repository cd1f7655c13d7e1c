"""What diffusers asks of every scheduler beside its steps: where a run begins, and samples with noise."""


class Timesteps:
    """A part of SEEDSScheduler: its levels, family and counters are set there."""

    @property
    def betas(self):
        return self.family.host.betas

    @property
    def init_noise_sigma(self):
        """What a pipeline multiplies unit normals with to start from."""
        return self.family.init_noise_sigma(self.sigmas.max().item())

    @property
    def step_index(self):
        """The number of the next model call, None before the first."""
        return self._step_index

    @property
    def begin_index(self):
        return self._begin_index

    def set_begin_index(self, begin_index=0):
        """The number of the timestep that a run is to begin with; for image to image, not 0."""
        self._begin_index = begin_index

    def set_shift(self, shift):
        """The shift of flow models, in place of the config's."""
        self.family.host.set_shift(shift)

    def index_for_timestep(self, timestep, schedule_timesteps=None):
        """The number of a timestep; of two that are equal, the second, which begins a step."""
        schedule = self.timesteps if schedule_timesteps is None else schedule_timesteps
        found = (schedule == timestep).nonzero()
        if not len(found):
            raise ValueError(f"timestep: {float(timestep)}; expected one of scheduler.timesteps")
        return found[min(1, len(found) - 1)].item()

    def add_noise(self, original_samples, noise, timesteps):
        """original_samples with noise at the level of the timesteps or, in a run, of the next model call."""
        if self._begin_index is None:
            known = self.timesteps.to(original_samples.device)
            indices = [self.index_for_timestep(one, known) for one in timesteps.to(original_samples.device)]
        else:
            index = self._begin_index if self._step_index is None else self._step_index
            indices = [index] * len(timesteps)
        sigma = self.sigmas[indices].to(original_samples.device, original_samples.dtype)
        return self.family.noised(original_samples, noise, sigma.view(-1, *[1] * (original_samples.ndim - 1)))

    def scale_noise(self, sample, timestep, noise=None):
        """add_noise, as flow pipelines call it."""
        return self.add_noise(sample, noise, timestep)

    def __len__(self):
        return self.config.num_train_timesteps
