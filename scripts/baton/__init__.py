"""Baton: cron-driven pipelines for headless AI agents, over plain files."""

__version__ = "0.1.0"
