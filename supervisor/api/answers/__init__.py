"""What the API answers, but for what is shown of stacks: schemas to dump and to describe it by."""
