"""Write a migration for what changed in models.py: scripts/migration.py "what it does"."""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import flask_migrate

from supervisor import create_app
from supervisor.store import schema

with tempfile.TemporaryDirectory() as storage:
    os.environ["SUPERVISOR_STORAGE"] = storage
    with create_app().app_context():
        schema.upgrade()
        number = int(schema.revisions()[-1]) + 1
        flask_migrate.migrate(message=sys.argv[1], rev_id=f"{number:04}")
