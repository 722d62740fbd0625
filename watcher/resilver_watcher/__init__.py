"""The hot folder and its tray icon."""
