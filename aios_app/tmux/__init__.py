"""AIOS's own tmux server: the only package that runs tmux, and the only one that imports libtmux."""
