"""Resilver in the context menus of file managers: entries that hand what was chosen to the hot folder's daemon."""
