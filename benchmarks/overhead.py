"""What a sampler costs beside the model: python benchmarks/overhead.py

Per model call, for each sampler and latent: milliseconds, those of the noise draws among them, the floor (one pass that
reads two latents and writes one, timed here), launches, those of full size, and host synchronisations; and the peak of
extra memory in latents. The null model does nothing, and "guided" is one that tells its conditional part; the embedded
model is a small real one, and its own time is in the column model_ms. The noise is torch.randn_like, in rows with
"path" our NoisePath. The last step goes to sigma 0.
Samplers of k-diffusion, ComfyUI (COMFYUI_PATH) and RES4LYF (RES4LYF_PATH too) are measured where they are at hand; the
GPU's rows where there is one.
"""

import argparse
import time

import torch
from contenders import contenders
from hosting import sample
from ledger import Ledger
from tables import show, write_csv

from seeds_samplers.sampling import SAMPLERS, NoisePath, fused, sigmas_karras

SHAPES = [(1, 4, 64, 64), (4, 4, 128, 128), (1, 16, 21, 60, 104)]
SCALE = [(1, 4, 64, 64), (4, 4, 128, 128), (1, 16, 21, 60, 104), (8, 16, 21, 90, 160)]
EMBEDDED_SHAPE = (4, 3, 32, 32)
STEPS = 10
PATHS = ("SEEDS-1", "SEEDS-2", "SEEDS-2 2s", "SEEDS-3", "SEEDS-M")
COLUMNS = (
    "sampler", "device", "model", "latent", "calls", "ms", "draw_ms", "model_ms", "floor_ms", "launches", "full_size",
    "host_reads", "peak_latents",
)  # fmt: skip
WIDTHS = (33, 7, 10, 16, 6, 8, 8, 9, 9, 9, 10, 11, 13)


class Timed:
    """A function whose calls are counted and, on the CPU or between two synchronisations, timed."""

    def __init__(self, function, wait=lambda: None):
        self.function, self.wait, self.calls, self.seconds = function, wait, 0, 0.0

    def __call__(self, *arguments, **options):
        self.calls += 1
        self.wait()
        started = time.perf_counter()
        result = self.function(*arguments, **options)
        self.wait()
        self.seconds += time.perf_counter() - started
        return result


def waiting(device):
    return torch.cuda.synchronize if device.type == "cuda" else lambda: None


class TimedPath(NoisePath):
    """A NoisePath that keeps the time of its draws in `timed`, which copies of it share."""

    def normals(self, *arguments):
        return self.timed(super().normals, *arguments)

    def integral(self, *arguments):
        return self.timed(super().integral, *arguments)


def noise_of(kind, x, wait=lambda: None):
    """A noise_sampler that keeps the time of its draws."""
    timed = Timed(lambda function, *arguments: function(*arguments), wait)
    if kind == "plain":
        noise = lambda sigma, sigma_next: timed(torch.randn_like, x)  # noqa: E731
    else:
        noise = TimedPath(x, 0, noise_device=kind)
    noise.timed = timed
    return noise


def model_of(kind, x):
    """(model, extra_args)."""
    if kind in ("null", "guided"):
        denoised = torch.zeros_like(x)
        model = lambda x, sigma, **_: denoised  # noqa: E731
        if kind == "guided":
            model.cond_denoised = torch.ones_like(x)
        return model, {}
    from seeds_samplers.demo.denoiser import load_model

    return load_model().to(x.device), {"labels": torch.zeros(len(x), dtype=torch.long, device=x.device)}


def timed_run(function, model, arguments, kind, x, sigmas, parts):
    """Seconds of the run, of the draws and of the model; `parts`: whether these two are timed, which costs waits."""
    wait = waiting(x.device)
    timed, timed.cond_denoised = Timed(model, wait if parts else lambda: None), getattr(model, "cond_denoised", None)
    noise = noise_of(kind, x, wait if parts else lambda: None)
    wait()
    started = time.perf_counter()
    sample(function, timed, x, sigmas, noise, arguments)
    wait()
    return time.perf_counter() - started, noise.timed.seconds, timed.seconds, timed.calls


def floor(x, repeats=20):
    """Seconds of one pass that reads two latents and writes one."""
    wait, other, out = waiting(x.device), torch.ones_like(x), torch.empty_like(x)
    best = float("inf")
    for _ in range(repeats):
        wait()
        started = time.perf_counter()
        torch.add(x, other, out=out)
        wait()
        best = min(best, time.perf_counter() - started)
    return best


def launches_on_gpu(run):
    """CUDA kernels of a run, by the profiler."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        run()
        torch.cuda.synchronize()
    return sum(event.device_type == torch.autograd.DeviceType.CUDA for event in profile.events())


def measure(name, function, kind, model_kind, x, repeats):
    """One row of the table; times are the best of `repeats`."""
    sigmas = sigmas_karras(STEPS, 0.02, 80).to(x.device)
    model, arguments = model_of(model_kind, x)
    given = function, model, arguments, kind, x, sigmas
    timed_run(*given, parts=False)
    runs = [timed_run(*given, parts=True) for _ in range(repeats)]
    seconds, drawing, thinking, calls = min(runs, key=lambda one: one[0] - one[1] - one[2])
    if x.device.type == "cuda":  # there the waits cost, so the whole is timed without them
        seconds = min(timed_run(*given, parts=False) for _ in range(repeats))[0]
    noise = noise_of(kind, x)
    with Ledger(x) as ledger:
        sample(function, model, x, sigmas, noise, arguments)
    launches = ledger.operations
    if x.device.type == "cuda":
        launches = launches_on_gpu(lambda: sample(function, model, x, sigmas, noise, arguments))
    per_call = (1e3 * seconds, 1e3 * drawing, 1e3 * thinking)
    counts = (launches, ledger.full_size, ledger.host_reads)
    row = [name + ("" if kind == "plain" else f", path, {kind}"), x.device.type, model_kind]
    row += ["x".join(map(str, x.shape)), calls, *(value / calls for value in per_call), 1e3 * floor(x)]
    row += [*(count / calls for count in counts), ledger.peak]
    return dict(zip(COLUMNS, row, strict=True))


def rows_of(device, repeats, names):
    """The device's rows, one by one."""
    found = contenders()
    plain = [(name, "plain") for name in found]
    paths = [(name, kind) for name in PATHS for kind in ("cpu", "gpu")[: 1 + (device.type == "cuda")]]
    settings = [("null", shape, plain + paths) for shape in SHAPES] + [("embedded", EMBEDDED_SHAPE, plain)]
    settings.append(("guided", SHAPES[1], [("SEEDS-M", "plain")]))
    for model_kind, shape, rows in settings:
        x = torch.randn(shape, device=device) * 80
        for name, kind in rows:
            if not names or name in names:
                yield measure(name, found[name][0], kind, model_kind, x, repeats)


def print_scale(device):
    """SEEDS-2 from small to large latents: nanoseconds a number and model call, and peak memory in latents."""
    print(f"SEEDS-2 on {device}: ns a number and model call, and extra latents; plain noise / path")
    for shape in SCALE:
        x = torch.randn(shape, device=device)
        rows = [measure("SEEDS-2", SAMPLERS["SEEDS-2"], kind, "null", x, 2) for kind in ("plain", "cpu")]
        figures = [f"{1e6 * row['ms'] / x.numel():.2f} ns {row['peak_latents']:.1f}" for row in rows]
        print(f"{rows[0]['latent']:16} {' / '.join(figures)}", flush=True)


def plot(rows, path):
    """Milliseconds a model call with the null model, with the noise draws and without: one panel a latent."""
    from matplotlib import pyplot as plt

    rows = [row for row in rows if row["model"] == "null"]
    figure, panels = plt.subplots(1, len(SHAPES), figsize=(13, 1 + 0.2 * len(rows) / len(SHAPES)), sharey=True)
    for panel, shape in zip(panels, SHAPES, strict=True):
        here = [row for row in rows if row["latent"] == "x".join(map(str, shape))][::-1]
        names = [f"{row['sampler']} ({row['device']})" for row in here]
        panel.barh(names, [row["ms"] for row in here], color="lightgrey", label="with the noise draws")
        panel.barh(names, [row["ms"] - row["draw_ms"] for row in here], color="tab:blue", label="without")
        panel.axvline(here[0]["floor_ms"], color="black", lw=0.8, label="one pass over the latents")
        panel.set(title=f"latent {shape}", xlabel="ms a model call", xscale="log")
        panel.margins(y=0.01)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="lower center", ncols=3)
    figure.savefig(path, dpi=90)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--samplers", nargs="+", help="names; all by default")
    parser.add_argument("--scale", action="store_true", help="measure how time and memory grow with the latent instead")
    parser.add_argument("--csv", help="file to write the table to")
    parser.add_argument("--plot", help="PNG to draw the times into")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {STEPS} steps, values per model call")
    devices = [torch.device("cpu")]
    if torch.cuda.is_available():
        devices.append(torch.device("cuda"))
        print(f"GPU: {torch.cuda.get_device_name()}")
    else:
        print("GPU: not measured, there is none here")
    if options.scale:
        for device in devices:
            print_scale(device)
        return
    show(dict(zip(COLUMNS, COLUMNS, strict=True)), WIDTHS)
    rows = []
    for device in devices:
        for row in rows_of(device, options.repeats, options.samplers):
            rows.append(row)
            show(row, WIDTHS)
    if torch.cuda.is_available():
        print(f"The kernel: {fused.reason or 'used'}")
    if options.csv:
        write_csv(options.csv, rows)
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    with torch.no_grad():
        main()
