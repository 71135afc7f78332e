"""What a deploy would do."""

from marshmallow import fields

from supervisor.runner.planner import COMMITS
from supervisor.stacks.fields.answers import Answer, ByService, Commit, Time


class PlannedCommitSchema(Answer):
    """A commit that would come in."""

    inline = True
    commit = Commit()
    author = fields.String()
    at = Time()
    subject = fields.String()


class PlanSchema(Answer):
    """The commits in between, and what would happen to each service."""

    commit = Commit()
    present_commit = Commit(allow_none=True)
    commits = fields.List(fields.Nested(PlannedCommitSchema), metadata={"maxItems": COMMITS})
    created = ByService()
    recreated = ByService()
    removed = fields.List(fields.String())
    unchanged = fields.List(fields.String())
