"""One module per verb, imported when it is typed: ``EXAMPLES``, ``add_arguments(parser)``, ``run(args)``."""
