#!/bin/sh
# git asks here for what a remote wants; the answers come in the environment of that one git.
case "$1" in
  Username*) printf '%s\n' "$SUPERVISOR_GIT_USERNAME" ;;
  *) printf '%s\n' "$SUPERVISOR_GIT_TOKEN" ;;
esac
