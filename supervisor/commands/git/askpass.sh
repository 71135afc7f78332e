#!/bin/sh
# git asks here for what a remote wants; the answers come in the environment of that one git.
# https://git-scm.com/docs/gitcredentials
# What another host wants to know, as a repository may have named one, is not answered.
case "$1" in
  *"'$SUPERVISOR_GIT_SCHEME://$SUPERVISOR_GIT_HOST'"*) ;;
  *"'$SUPERVISOR_GIT_SCHEME://"*"@$SUPERVISOR_GIT_HOST'"*) ;;
  *) exit 1 ;;
esac
# git-lfs asks again and again where a server takes no answer:
# https://github.com/git-lfs/git-lfs/issues/2833
[ "$(wc -c <"$SUPERVISOR_GIT_ASKED")" -lt 20 ] || exit 1
printf x >>"$SUPERVISOR_GIT_ASKED"
case "$1" in
  Username*) printf '%s\n' "$SUPERVISOR_GIT_USERNAME" ;;
  *) printf '%s\n' "$SUPERVISOR_GIT_TOKEN" ;;
esac
