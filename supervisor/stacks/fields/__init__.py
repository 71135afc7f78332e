"""The fields of a stack as a request gives them."""
