"""Signals as files: the scripts around an agent write them, the watcher reads them."""
