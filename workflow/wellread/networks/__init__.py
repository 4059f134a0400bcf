"""Shared by all rooms that run networks: the device, state dicts read without running code, torchvision."""
