"""``python -m resilver.worker``: see :mod:`resilver.worker.protocol`."""

from resilver.worker.loop import serve

if __name__ == "__main__":
    serve()
