"""Git repositories of the user: what is made in them for an assignment, and taken away again."""
