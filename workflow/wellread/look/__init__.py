"""Looks: pictures of fields, cells and plates, `f(shown, seed, out_png, *, options)` -> the numbers behind it."""

from wellread.look.cells import cells
from wellread.look.fields import fields
from wellread.look.plates import plates

LOOKS = {"fields": fields, "cells": cells, "plates": plates}
