"""A home's files: records, locks, the event log, the ready index, slots, documents. It remembers; it never decides."""
