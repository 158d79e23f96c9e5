"""The demo: a newcomer's first half minute with Baton. It drives the real scripts, and imports nothing else of Baton."""
