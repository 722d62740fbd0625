"""Makes the data, trains, measures and exports Resilver's own networks; nothing of it is needed at run time."""
