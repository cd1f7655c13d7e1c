"""seeds-samplers: stochastic exponential samplers for diffusion models.

Importing this package costs nothing: no torch, no host. The samplers are in `seeds_samplers.sampling`.
"""
