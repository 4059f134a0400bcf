"""Before a run: a config for a folder of images (`draft`), and what is understood of a config (`preview`)."""
