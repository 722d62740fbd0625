; The installer for Windows: for one user, without an administrator. `./run build windows` writes parts.nsh beside it and
; gives VERSION, SIZE, ICON, TREE, OUT and COMPRESSOR. In silence (/S) it does what is ticked; /AUTOSTART ticks the start with Windows.
Unicode true
Target amd64-unicode
SetCompressor /SOLID ${COMPRESSOR}
RequestExecutionLevel user
ManifestDPIAware true
!include MUI2.nsh
!include FileFunc.nsh
!include LogicLib.nsh
!include WinVer.nsh
!include "${PARTS}"

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Resilver"
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"
Name "Resilver ${VERSION}"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\Resilver"
InstallDirRegKey HKCU "${UNINSTALL}" "InstallLocation"
!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_COMPONENTSPAGE_NODESC
!define MUI_FINISHPAGE_RUN "$INSTDIR\python\pythonw.exe"
!define MUI_FINISHPAGE_RUN_PARAMETERS "-P -m resilver_watcher"
!define MUI_FINISHPAGE_RUN_NOTCHECKED
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_LICENSE "${TREE}\LICENSE.txt"
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English
!insertmacro MUI_LANGUAGE Russian

LangString PROGRAM ${LANG_ENGLISH} "Resilver"
LangString PROGRAM ${LANG_RUSSIAN} "Resilver"
LangString MENUS ${LANG_ENGLISH} "In the menus of pictures and folders"
LangString MENUS ${LANG_RUSSIAN} "В меню снимков и папок"
LangString GIMP ${LANG_ENGLISH} "Plug-in for GIMP 3, if it was started before"
LangString GIMP ${LANG_RUSSIAN} "Расширение для GIMP 3, если он уже запускался"
LangString START ${LANG_ENGLISH} "Watch the folder from the start of Windows"
LangString START ${LANG_RUSSIAN} "Следить за папкой с запуска Windows"
LangString LINE ${LANG_ENGLISH} "Resilver, command line"
LangString LINE ${LANG_RUSSIAN} "Resilver, командная строка"
LangString AWAY ${LANG_ENGLISH} "Remove Resilver"
LangString AWAY ${LANG_RUSSIAN} "Удалить Resilver"
LangString BUSY ${LANG_ENGLISH} "Files of Resilver are in use; please close GIMP and Resilver, then try again."
LangString BUSY ${LANG_RUSSIAN} "Файлы Resilver заняты; закройте GIMP и Resilver и повторите."
LangString TAKEN ${LANG_ENGLISH} "In this folder lies something else that is called python; please choose another folder."
LangString TAKEN ${LANG_RUSSIAN} "В этой папке уже лежит что-то другое с именем python; выберите другую папку."
LangString OLD ${LANG_ENGLISH} "Resilver needs Windows 10 or later, of 64 bits."
LangString OLD ${LANG_RUSSIAN} "Для Resilver нужна Windows 10 или новее, 64-разрядная."

; its own Python, without a window; the exit status is not looked at, since nothing here may fail because of it
!macro Resilver words
  ${If} ${FileExists} "$INSTDIR\python\python.exe"
    nsExec::ExecToLog '"$INSTDIR\python\python.exe" -m resilver.cli ${words}'
    Pop $0
  ${EndIf}
!macroend

; what an installation brought, and no more: the folder may be one that holds other things, too
!macro TakeAway
  !insertmacro Resilver "stop"
  RMDir /r "$INSTDIR\python"
  ${If} ${FileExists} "$INSTDIR\python\python.exe"
    MessageBox MB_ICONSTOP "$(BUSY)" /SD IDOK
    SetErrorLevel 2
    Abort
  ${EndIf}
  Delete "$INSTDIR\LICENSE.txt"
  Delete "$INSTDIR\THIRD_PARTY.md"
  Delete "$INSTDIR\CHANGELOG.md"
  Delete "$INSTDIR\resilver.ico"
  Delete "$INSTDIR\resilver.cmd"
  Delete "$INSTDIR\uninstall.exe"
  RMDir /r "$SMPROGRAMS\Resilver"
!macroend

Section "$(PROGRAM)" SectionProgram
  SectionIn RO
  ${If} ${FileExists} "$INSTDIR\python"
  ${AndIfNot} ${FileExists} "$INSTDIR\python\Lib\site-packages\resilver\*.*"
    MessageBox MB_ICONSTOP "$(TAKEN)" /SD IDOK
    SetErrorLevel 2
    Abort
  ${EndIf}
  !insertmacro TakeAway
  SetOutPath "$INSTDIR"
  File /r "${TREE}/*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  SetOutPath "$PROFILE" ; where the shortcuts start
  CreateDirectory "$SMPROGRAMS\Resilver"
  CreateShortcut "$SMPROGRAMS\Resilver\Resilver.lnk" "$INSTDIR\python\pythonw.exe" "-P -m resilver_watcher" \
    "$INSTDIR\resilver.ico"
  CreateShortcut "$SMPROGRAMS\Resilver\$(LINE).lnk" "$SYSDIR\cmd.exe" '/k set "PATH=$INSTDIR;%PATH%"' "$INSTDIR\resilver.ico"
  CreateShortcut "$SMPROGRAMS\Resilver\$(AWAY).lnk" "$INSTDIR\uninstall.exe"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Resilver"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "Publisher" "The makers of Resilver"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\resilver.ico"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" ${SIZE}
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

Section "$(MENUS)" SectionMenus
  ${If} $LANGUAGE == ${LANG_RUSSIAN}
    !insertmacro MenusRussian
  ${Else}
    !insertmacro MenusEnglish
  ${EndIf}
SectionEnd

Section "$(GIMP)" SectionGimp
  ${If} ${FileExists} "$APPDATA\GIMP\3.*"
    !insertmacro Resilver "gimp install"
  ${EndIf}
SectionEnd

Section /o "$(START)" SectionStart
  !insertmacro Autostart
SectionEnd

Section "Uninstall"
  !insertmacro Resilver "gimp uninstall"
  !insertmacro TakeAway
  RMDir "$INSTDIR"
  !insertmacro RemoveMenus
  DeleteRegValue HKCU "${RUN}" "resilver"
  DeleteRegKey HKCU "${UNINSTALL}"
SectionEnd

Function .onInit
  ${IfNot} ${AtLeastWin10}
    MessageBox MB_ICONSTOP "$(OLD)" /SD IDOK
    SetErrorLevel 2
    Abort
  ${EndIf}
  ${GetOptions} $CMDLINE "/AUTOSTART" $0
  ${IfNot} ${Errors}
    SectionSetFlags ${SectionStart} ${SF_SELECTED}
  ${EndIf}
FunctionEnd
