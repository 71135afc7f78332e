"""Where a stack's repository is, and as whom to ask for it."""

from supervisor.commands.git.remote import Remote
from supervisor.settings.config import Config
from supervisor.stacks import vault
from supervisor.store.models import Stack


def remote_of(stack: Stack, secrets: vault.StackSecrets, config: Config) -> Remote:
    """Return where a stack's repository is, and as whom to ask for it."""
    return Remote(
        url=stack.git_repository,
        username=stack.git_username,
        token=secrets.git_token,
        ssh_key=secrets.git_ssh_key,
        known_hosts=stack.git_known_hosts,
        known_hosts_file=config.git_known_hosts_file,
        ca_file=config.git_ca_file,
    )
