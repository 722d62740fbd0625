"""Builds what people install; ``./run build NAME`` puts it into ``dist/``."""
