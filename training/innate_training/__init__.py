"""Training of diffusion teachers and one-step generators (EDM, GDD, GDD-I) in PyTorch."""

__version__ = "0.2.0"
