"""What a user brings: sources of images, the tables of images and wells, image files, label images."""
