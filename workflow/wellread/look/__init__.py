"""Looks: pictures of fields, cells and plates, `f(shown, seed, out_png, *, options)` -> the numbers behind it."""
