; In the place of Python for Windows, which is not here: it writes down how it was called.
Unicode true
Target amd64-unicode
RequestExecutionLevel user
SilentInstall silent
OutFile "${OUT}"
Section
  FileOpen $0 "$TEMP\calls.txt" a
  FileSeek $0 0 END
  FileWriteUTF16LE $0 "$CMDLINE$\n"
  FileClose $0
SectionEnd
