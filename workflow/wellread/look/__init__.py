"""Figures of fields, cells and plates, `f(plates, seed, out_png, *, options)`; they return what they show."""
