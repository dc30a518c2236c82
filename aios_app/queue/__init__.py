"""The queue: Celery as producer and its configuration. The tasks themselves are in ``workers``."""
