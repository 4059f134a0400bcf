"""Training an encoder: the loop, the methods, and what they need; nothing here is needed to use an encoder."""
