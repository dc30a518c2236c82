"""The prompt that an agent gets where a person gave none."""

DEFAULT_PROMPT = """\
Improve this project. Work through these eleven steps in order, and look at real output at each of them.

1. Read the project and the files that matter. Think hard about what it is for and what would serve it best.
2. Run it as its users do, and read all that it prints.
3. Find what hurts most: what is wrong, slow, hard to use or hard to understand.
4. Research how the best libraries and projects solve that.
5. Simplify: choose the solution with the fewest parts, and drop what is not needed for it.
6. Rewrite that part in as few readable lines as possible, as glue between well-known libraries.
7. Debug: run it again, with ordinary, empty, large and broken input, and mend what fails.
8. Delete code, files, options and dependencies that nothing uses any more.
9. Optimise: measure, make the slowest thing faster, and measure again.
10. Debug once more, with the tests and by hand, until nothing is left that you know to be wrong.
11. Report in a few lines what you changed, what you measured and what remains, and commit it.
"""
