"""The dashboard: ``aios`` with no words on a terminal. The only place that knows Textual."""
