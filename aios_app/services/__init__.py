"""What AIOS does, one verb a file. Used by the worker and the web service, by nobody else."""
