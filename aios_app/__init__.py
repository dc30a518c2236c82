"""AIOS runs fleets of AI coding agents over all of a person's git projects and machines."""

__version__ = "0.1.0"
