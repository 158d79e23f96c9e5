"""One file for each thing of the outside world: agent programs, notifiers, processes, the clock, prompts."""
