"""The GIMP plug-in's place on this computer: ``plugin/`` is what GIMP loads, the rest brings it there."""
