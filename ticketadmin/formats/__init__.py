"""How dates and times are written, by language; Django finds the modules through FORMAT_MODULE_PATH."""
