#!/bin/sh
# Takes away what install.sh brought, and nothing else.
here=$(dirname "$(readlink -f "$0")")
exec "$here/python/bin/python3" "$here/place.py" uninstall
