"""What everything that runs a network shares: the device, files of weights read without running code, torchvision."""
