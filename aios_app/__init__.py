"""AIOS runs fleets of AI coding agents over all of a person's git projects and machines."""

import logging

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())
