"""What the offline repair crew shares. It mends small Python repositories by rules; no model is asked.

Not an agent: folders that begin with ``_`` are passed over. Standard library only, but for the calls of Baton's scripts,
which it makes as every agent does.
"""
