"""The plan of a run: the config checked, its tables read, the files to make, what a result depends on, the manual."""
