@"%~dp0python\python.exe" -m resilver.cli %*
