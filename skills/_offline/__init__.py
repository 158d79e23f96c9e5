"""What the offline agents share: plain work on text, and the few calls an agent makes to the scripts.

Not an agent: folders that begin with ``_`` are passed over. Standard library only, nothing of the package ``baton``,
no network. Everything but ``step`` and ``sources.read_sources`` is a pure function, so that the same campaign gives the
same articles again.
"""
