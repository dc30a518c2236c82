"""The ledger: what runs, in Redis. ``keys`` documents the keyspace; redis-py is used only here."""
