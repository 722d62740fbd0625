"""Every file manager that can have Resilver in its menus. A new one is a line here, and a module beside this."""

from __future__ import annotations

from resilver_desktop.caja import CAJA
from resilver_desktop.file_manager import FileManager
from resilver_desktop.key_files import DOLPHIN, NEMO, OPEN_WITH, PCMANFM
from resilver_desktop.macos import MACOS
from resilver_desktop.nautilus import NAUTILUS
from resilver_desktop.thunar import Thunar
from resilver_desktop.windows import Windows

MANAGERS: tuple[FileManager, ...] = (*(NAUTILUS, NEMO, CAJA, Thunar(), DOLPHIN, PCMANFM, Windows(), MACOS, OPEN_WITH),)
