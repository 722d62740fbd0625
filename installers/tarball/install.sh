#!/bin/sh
# Installs Resilver for the user who calls this; see README.md.
here=$(dirname "$(readlink -f "$0")")
exec "$here/python/bin/python3" "$here/place.py" install
