"""The embedded model: 32x32 RGB glyphs A-Z and 0-9, shipped, so that everything runs without a download."""
