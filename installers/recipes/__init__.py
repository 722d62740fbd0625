"""Recipes for what could not be tried here as a whole; ``recipes/NAME/build`` follows one, README.md tells what was."""
