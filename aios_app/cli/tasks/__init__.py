"""Task files: steps, where to run them and with which variables, as JSON in a project's ``tasks``."""
