"""What the user chose, in SQLite: projects, agents, settings. ``catalog.Catalog`` is the door."""
