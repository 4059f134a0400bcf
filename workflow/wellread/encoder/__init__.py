"""What turns a crop into numbers: the vision transformer, its weights, its views, its readouts, and the verb embed."""
