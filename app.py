"""The WSGI entry."""

from supervisor import create_app

app = create_app()
