"""Values and pure transitions. Nothing here reads a clock, a file, the environment or chance."""
