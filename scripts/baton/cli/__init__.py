"""Wiring for the scripts: options they share, ports put together, errors turned into exit codes."""
