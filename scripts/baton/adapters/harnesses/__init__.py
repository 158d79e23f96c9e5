"""One file a harness: it speaks to one agent program. Found by its file name."""
