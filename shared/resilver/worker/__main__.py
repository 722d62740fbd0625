"""``python -m resilver.worker``: see :mod:`resilver.worker.protocol`."""

import logging

from resilver.worker.loop import serve

if __name__ == "__main__":
    # to standard error, from where the front end takes it into its own log
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    serve()
