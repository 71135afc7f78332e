"""How stacks fare on the engine: health, drift, and what is put back."""
