"""Found by ``PYTHONPATH``: this process and those that it starts log everything, whatever level they set."""

import logging

logging.root.setLevel(logging.DEBUG)
logging.root.setLevel = lambda level: None  # type: ignore[method-assign]
