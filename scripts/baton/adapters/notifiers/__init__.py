"""One file a notifier: it carries messages to people. Found by its file name."""
