"""The process that does the work for every front end."""
