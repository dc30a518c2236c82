"""The worker of one machine: Celery tasks over the services, and what watches the machine beside them."""
