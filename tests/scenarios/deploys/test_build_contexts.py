"""A build context is files: what looks like a repository in it has nothing run on the host."""

from pathlib import Path

from tests.support.compose_files import built
from tests.support.repository import Repository
from tests.support.service import Service

CONFIG = """\
[core]
    repositoryformatversion = 1
    bare = {bare}
    {worktree}
    sshCommand = touch {trace}; false
    fsmonitor = touch {trace}; false
[extensions]
    partialClone = origin
[remote "origin"]
    url = ssh://git@127.0.0.1/x
    promisor = true
"""
COMMIT = "1" * 40


def test_a_context_that_looks_like_a_repository_runs_nothing(
    shared_service: Service, repository: Repository, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    for bare, worktree in (("false", "worktree = ."), ("true", "")):
        looks = {
            "HEAD": "ref: refs/heads/main\n",
            "refs/heads/main": f"{COMMIT}\n",
            "objects/empty": "",
            "config": CONFIG.format(bare=bare, worktree=worktree, trace=trace),
        }
        repository.commit(built("echo built >/built") | looks)
        stack = shared_service.create_stack(git_repository=repository.url)
        shared_service.wait_for_run(stack["uuid"])
        assert not trace.exists()
