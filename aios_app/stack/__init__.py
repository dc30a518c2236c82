"""The programs of one instance: started, watched and stopped together."""
