"""The service: a Tornado application that answers the API on a Unix socket.

It validates and hands on; what happens is decided in ``aios_app.services``. Pages and terminals join here.
"""
