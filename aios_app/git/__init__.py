"""Git as AIOS uses it: projects, bases and worktrees. The only package that knows GitPython."""

import os

# GitPython looks for the git program while it is imported and fails without one; the runner says it better.
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
import git as _git  # noqa: F401 - imported here for the line above

del os.environ["GIT_PYTHON_REFRESH"]
