"""How stacks fare on the engine."""
