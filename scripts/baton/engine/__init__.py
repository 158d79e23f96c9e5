"""What moves: the one door to records, activation, dispatch, the supervisor, the sweep. It knows only ports."""
