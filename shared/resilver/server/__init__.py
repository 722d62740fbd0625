"""The improve method of the HTTP contract, answered by any engine; needs the extra ``server``."""
